import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { parseTracking, trackingRequest } from '../../../hardware/host/chrony.ts';
import { parseVariables, variablesRequest } from '../../../hardware/host/ntpd.ts';
import { lookAtTimeDaemons, TimeDaemonWatch, type TimeKeeping } from '../../../hardware/host/time-daemon.ts';
import { requireTools } from '../../debian.ts';
import { freePort } from '../../free-port.ts';

/** A machine with these files, where nobody takes the commands of chrony unless a port is given. */
async function machine(t: Test, run: NonNullable<Parameters<Test['testdir']>[0]>, port?: number) {
  return { root: t.testdir({ run }), chronyPort: port ?? (await freePort()), ntpdPort: await freePort() };
}

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** A reply of chronyd 4.3, as it came from the wire: in step with 127.0.0.1, a few microseconds off. */
function reply(change: (view: DataView) => void = () => {}): Uint8Array {
  const view = new DataView(new ArrayBuffer(104));
  for (const [at, value] of [
    [0, 0x0602],
    [4, 33],
    [6, 5],
    [52, 2],
  ] as const) {
    view.setUint16(at, value);
  }
  view.setUint32(16, 77);
  view.setUint32(28, 0x7f000001);
  // 2^-20, 2^-10 and 2^-11 seconds: coefficient 2^23, so exponents of -18, -8 and -9.
  for (const [at, exponent] of [
    [68, -18],
    [92, -8],
    [96, -9],
  ] as const) {
    view.setUint32(at, (((exponent & 0x7f) << 25) | (1 << 23)) >>> 0);
  }
  change(view);
  return new Uint8Array(view.buffer);
}

t.test('a reply of chrony tells whether the clock is in step, and its greatest error', async (t) => {
  const seconds = 2 ** -20 + 2 ** -11 + 2 ** -11;
  t.same(parseTracking(reply(), 77), { isSynchronised: true, errorUs: Math.ceil(seconds * 1e6) });
  t.match(
    parseTracking(
      reply((view) => view.setUint16(54, 3)),
      77,
    ),
    { isSynchronised: false },
  );
  const local = (view: DataView) => view.setUint32(28, 0x7f7f0101);
  t.match(
    parseTracking(reply(local), 77),
    { isSynchronised: false },
    'a clock that is declared to be right is not in step',
  );
  t.equal(parseTracking(reply(), 78), undefined, 'to another request');
  t.equal(
    parseTracking(
      reply((view) => view.setUint16(8, 2)),
      77,
    ),
    undefined,
    'refused',
  );
  t.equal(parseTracking(trackingRequest(77), 77), undefined, 'a request is no reply');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(103), fc.nat(255), (bytes, at, byte) => {
      const errors = [
        parseTracking(bytes, 77),
        parseTracking(
          reply((view) => view.setUint8(at, byte)),
          77,
        ),
      ];
      return errors.every((each) => each === undefined || each.errorUs >= 0);
    }),
  );
});

const NOBODY: TimeKeeping = { daemon: undefined, errorUs: undefined };

t.test('a time daemon that only runs does not make a clock that is in step', async (t) => {
  t.same(await lookAtTimeDaemons(await machine(t, {})), NOBODY);
  const chrony = await machine(t, { chrony: { 'chronyd.pid': '1\n' } });
  t.same(await lookAtTimeDaemons(chrony), { daemon: 'chrony', errorUs: undefined }, 'one that answers nobody');
  const timesync = await machine(t, { systemd: { timesync: {} } });
  t.same(await lookAtTimeDaemons(timesync), { daemon: 'systemd-timesyncd', errorUs: undefined });
});

t.test('systemd-timesyncd is believed as long as it hears its servers', async (t) => {
  const places = await machine(t, { systemd: { timesync: { synchronized: '' } } });
  t.same(await lookAtTimeDaemons(places), { daemon: 'systemd-timesyncd', errorUs: 50_000 });
  const yesterday = Date.now() / 1e3 - 86_400;
  utimesSync(join(places.root, 'run/systemd/timesync/synchronized'), yesterday, yesterday);
  t.same(await lookAtTimeDaemons(places), { daemon: 'systemd-timesyncd', errorUs: undefined });
});

t.test('who answers on the port of chrony with something else is not believed', async (t) => {
  const other = await boundSocket();
  t.teardown(() => other.close());
  other.on('message', (_, { port }) => other.send(reply(), port, '127.0.0.1'));
  t.same(await lookAtTimeDaemons(await machine(t, {}, other.address().port)), NOBODY);
});

/** An answer of ntpd (ntpsec 1.2.2) with the header as it came from the wire. */
function ntpdAnswer(text: string, change: (bytes: Buffer) => void = () => {}): Uint8Array {
  const data = Buffer.from(text, 'latin1');
  const bytes = Buffer.concat([Buffer.from('1682004d001400000000', 'hex'), Buffer.alloc(2), data]);
  bytes.writeUInt16BE(data.length, 10);
  change(bytes);
  return bytes;
}

/** As they came from the wire: before a server was heard, and in step with one. */
const AT_ITS_START = 'leap=3, rootdelay=0.000, rootdisp=0.030, refid=INIT, offset=0.000000\r\n';
const IN_STEP = 'leap=0, rootdelay=2.645, rootdisp=1.015, refid=10.77.0.2,\r\noffset=-0.914142\r\n';

t.test('the variables of ntpd tell whether the clock is in step, and its greatest error', async (t) => {
  const said = (text: string) => parseVariables(ntpdAnswer(text), 77);
  t.same(said(AT_ITS_START), { isSynchronised: false, errorUs: 30 });
  t.same(said(IN_STEP), { isSynchronised: true, errorUs: 3252 });
  for (const refid of ['LOCL', '127.127.1.0', '"LOCAL(0)"']) {
    const local = said(IN_STEP.replace('10.77.0.2', refid));
    t.match(local, { isSynchronised: false }, `${refid}: one that only declares its clock to be right`);
  }
  for (const text of ['', 'leap=0', 'leap=0, rootdelay=x, rootdisp=1, offset=0', IN_STEP.replace('leap=0', 'leap=')]) {
    t.equal(said(text), undefined, `'${text.trim()}' says too little`);
  }
  const changes: [string, (bytes: Buffer) => void][] = [
    ['to another request', (bytes) => bytes.writeUInt16BE(78, 2)],
    ['an error', (bytes) => bytes.writeUInt8(0xc2, 1)],
    ['the first of several parts', (bytes) => bytes.writeUInt8(0xa2, 1)],
    ['time itself', (bytes) => bytes.writeUInt8(0xd4, 0)],
    ['cut off', (bytes) => bytes.writeUInt16BE(500, 10)],
  ];
  for (const [name, change] of changes) t.equal(parseVariables(ntpdAnswer(IN_STEP, change), 77), undefined, name);
  t.equal(parseVariables(variablesRequest(77), 77), undefined, 'a request is no answer');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(80), fc.nat(255), (bytes, at, byte) => {
      const answers = [
        parseVariables(bytes, 77),
        parseVariables(
          ntpdAnswer(IN_STEP, (all) => all.writeUInt8(byte, at)),
          77,
        ),
      ];
      return answers.every((each) => each === undefined || each.errorUs >= 0);
    }),
  );
});

t.test('ntpd is asked whether it follows a server, and told apart from one that lost it', async (t) => {
  const ntpd = await boundSocket();
  t.teardown(() => ntpd.close());
  let text = IN_STEP;
  ntpd.on('message', (request, { port }) => {
    ntpd.send(
      ntpdAnswer(text, (bytes) => request.copy(bytes, 2, 2, 4)),
      port,
      '127.0.0.1',
    );
  });
  const places = { ...(await machine(t, {})), ntpdPort: ntpd.address().port };
  const look = () => lookAtTimeDaemons(places);
  t.same(await eventually(look, ({ daemon }) => daemon === 'ntpd'), { daemon: 'ntpd', errorUs: 3252 + 1000 });
  text = IN_STEP.replace('leap=0', 'leap=3');
  // On a busy machine a look may wait in vain, which finds nobody.
  t.same(await eventually(look, ({ daemon }) => daemon === 'ntpd'), { daemon: 'ntpd', errorUs: undefined });
});

/** A chronyd that leaves the clock of the machine alone, until the end of the test. */
function chronyd(t: Test, name: string, lines: readonly string[]): ChildProcess {
  const folder = t.testdirName;
  const config = join(folder, `${name}.conf`);
  writeFileSync(config, `${[...lines, 'bindcmdaddress /', `pidfile ${join(folder, `${name}.pid`)}`].join('\n')}\n`);
  const user = spawnSync('id', ['-un'], { encoding: 'utf8' }).stdout.trim();
  const child = spawn('/usr/sbin/chronyd', ['-x', '-d', '-U', '-u', user, '-f', config], { stdio: 'ignore' });
  t.teardown(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  return child;
}

async function eventually(
  look: () => Promise<TimeKeeping>,
  isIt: (keeping: TimeKeeping) => boolean,
): Promise<TimeKeeping> {
  for (let keeping = await look(); ; keeping = await look()) {
    if (isIt(keeping)) return keeping;
    await pause(50);
  }
}

t.test('chrony is asked whether it follows a server', { timeout: 90_000 }, async (t) => {
  if (!requireTools(t, 'chrony')) return;
  const [serverPort, chronyPort] = [await freePort(), await freePort()];
  t.testdir({});
  chronyd(t, 'client', [
    `server 127.0.0.1 port ${serverPort} iburst minpoll -4 maxpoll -4`,
    'port 0',
    `cmdport ${chronyPort}`,
  ]);
  const places = { root: t.testdirName, chronyPort, ntpdPort: await freePort() };
  const look = () => lookAtTimeDaemons(places);
  t.same(
    await eventually(look, ({ daemon }) => daemon === 'chrony'),
    { daemon: 'chrony', errorUs: undefined },
    'it runs',
  );
  const server = ['local stratum 1', 'allow 127.0.0.1', 'bindaddress 127.0.0.1', `port ${serverPort}`, 'cmdport 0'];
  chronyd(t, 'server', server);
  const { errorUs = Number.NaN } = await eventually(look, (keeping) => keeping.errorUs !== undefined);
  t.ok(errorUs >= 1000 && errorUs < 1e6, `in step, within ${errorUs} microseconds`);
  const begin = async () => {
    const watch = await TimeDaemonWatch.begin(places);
    watch.stop();
    return watch.keeping;
  };
  const { daemon } = await eventually(begin, (keeping) => keeping.daemon === 'chrony');
  t.equal(daemon, 'chrony', 'a watch begins with a look');
  const localPort = await freePort();
  chronyd(t, 'local', ['local stratum 10', 'port 0', `cmdport ${localPort}`]);
  const alone = await eventually(
    () => lookAtTimeDaemons({ ...places, chronyPort: localPort }),
    ({ daemon }) => daemon === 'chrony',
  );
  t.equal(alone.errorUs, undefined, 'one that follows nobody but declares its clock to be right');
});
