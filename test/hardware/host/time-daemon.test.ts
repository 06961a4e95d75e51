import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { utimesSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { parseTracking, trackingRequest } from '../../../hardware/host/chrony.ts';
import { lookAtTimeDaemons, TimeDaemonWatch, type TimeKeeping } from '../../../hardware/host/time-daemon.ts';
import { requireTools } from '../../debian.ts';

/** A machine with these files, where nobody takes the commands of chrony unless a port is given. */
async function machine(t: Test, run: NonNullable<Parameters<Test['testdir']>[0]>, port?: number) {
  const closed = await boundSocket();
  const chronyPort = port ?? closed.address().port;
  await new Promise<void>((resolve) => closed.close(() => resolve()));
  return { root: t.testdir({ run }), chronyPort };
}

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function freePort(): Promise<number> {
  const socket = await boundSocket();
  const { port } = socket.address() as AddressInfo;
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
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
  const places = { root: t.testdirName, chronyPort };
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
  const watch = await TimeDaemonWatch.begin(places);
  t.equal(watch.keeping.daemon, 'chrony');
  watch.stop();
  const localPort = await freePort();
  chronyd(t, 'local', ['local stratum 10', 'port 0', `cmdport ${localPort}`]);
  const alone = await eventually(
    () => lookAtTimeDaemons({ root: t.testdirName, chronyPort: localPort }),
    ({ daemon }) => daemon === 'chrony',
  );
  t.equal(alone.errorUs, undefined, 'one that follows nobody but declares its clock to be right');
});
