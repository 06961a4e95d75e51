import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { readConfigFile } from '../../../../gateway/commands/config.ts';
import { ConfigPlaces } from '../../../../gateway/commands/doctor/config-places.ts';
import { examineCentral, examineConfig } from '../../../../gateway/commands/doctor/examine.ts';
import type { Examined } from '../../../../gateway/commands/doctor/finding.ts';
import type { GatewayStatus } from '../../../../gateway/status.ts';
import { FrameBatch } from '../../../../hardware/can/can-frame.ts';
import { SlcanAdapter } from '../../../../hardware/can/slcan-adapter.ts';
import { openPty, type Pty } from '../../../../hardware/serial/pty.ts';
import { sentence } from '../../../../hardware/simulated/nmea.ts';
import { vedirectBlock } from '../../../collectors/serial/vedirect/vedirect-block.ts';
import { recording } from '../../../data-dir.ts';
import { freePort } from '../../../free-port.ts';
import { MAIN } from '../../../main-script.ts';
import { GatewayChild } from '../../../scenarios/gateway-child.ts';
import { waitFor } from '../../../wait-for.ts';

/** Time a wire is listened to at each speed. What is simulated here speaks twenty times a second. */
const LISTEN_MS = 300;
const SPEAK_MS = 50;

const NMEA = Buffer.from(sentence('GPGGA,172814.00,3723.4658,N,12202.2695,W,1,08,1.0,18.9,M,-25.7,M,,'));
const VEDIRECT = vedirectBlock(['V', '12065'], ['I', '-31']);

/** A device on a pseudo terminal that says the same again and again. */
async function device(t: Test, says: Uint8Array): Promise<Pty> {
  const pty = await openPty();
  const timer = setInterval(() => pty.write(Buffer.from(says)), SPEAK_MS);
  t.teardown(async () => {
    clearInterval(timer);
    await pty.close();
  });
  return pty;
}

/** Looks at a config of its own store and ports. */
async function examine(t: Test, sources: object): Promise<Examined> {
  const path = await configFile(t, sources);
  const read = readConfigFile(path);
  if (read.config === undefined) throw new Error(read.issues.map(({ message }) => message).join('\n'));
  return examineConfig(read, new ConfigPlaces(read.text, path), { listenMs: LISTEN_MS, dbc: [] });
}

async function configFile(t: Test, sources: object): Promise<string> {
  const dir = t.testdir({});
  const path = join(dir, 'caisson.yaml');
  const ports = { dashboard: { port: await freePort() }, grpc: { port: await freePort() } };
  writeFileSync(path, stringify({ store: { dir: join(dir, 'store') }, ...ports, sources }));
  return path;
}

const serial = (pty: Pty, protocol: string) => ({ type: 'serial', port: { path: pty.path }, protocol });

/** What was found of sources. */
function ofSources({ findings }: Examined) {
  return findings.filter(({ about }) => about.startsWith('source'));
}

t.test('a device that says what the config says is well', async (t) => {
  const examined = await examine(t, { gnss: serial(await device(t, NMEA), 'nmea') });
  t.same(ofSources(examined), []);
  t.match(
    examined.sound.find(({ about }) => about === 'source gnss')?.seen,
    /^\d+ NMEA 0183 sentences in \d+ bytes, 0 damaged$/,
  );
});

t.test('another protocol, a silent wire and lines that no pattern matches are told', async (t) => {
  const examined = await examine(t, {
    battery: serial(await device(t, NMEA), 'vedirect'),
    dead: serial(await device(t, new Uint8Array(0)), 'nmea'),
    scale: { ...serial(await device(t, Buffer.from('W: 12.5 kg\r\n')), 'lines'), lines: [{ pattern: 'X (?<x>\\d+)' }] },
  });
  const found = new Map(ofSources(examined).map((finding) => [finding.about, finding]));
  t.match(found.get('source battery'), {
    code: 'protocol-other',
    mend: { path: ['sources', 'battery', 'protocol'], config: 'protocol: nmea' },
  });
  t.match(found.get('source dead'), { code: 'wire-silent', severity: 'broken' });
  t.match(found.get('source scale'), { code: 'pattern-unmatched', seen: /W: 12\.5 kg/ });
});

t.test('the pattern that is proposed for lines matches them', async (t) => {
  const pty = await device(t, Buffer.from("it's -12.5 kg (3)\r\n"));
  const examined = await examine(t, { scale: serial(pty, 'nmea') });
  const [finding] = ofSources(examined);
  const config = finding !== undefined && 'config' in finding.mend ? finding.mend.config : '';
  const [, protocol, lines] = /^protocol: (\w+), lines: (.*)$/.exec(config) ?? [];
  const { parse } = await import('yaml');
  const mended = await examine(t, { scale: { ...serial(pty, protocol ?? ''), lines: parse(lines ?? '') } });
  t.same(ofSources(mended), []);
});

t.test('two devices that stand in the place of each other are told to be swapped', async (t) => {
  const [one, other] = [await device(t, NMEA), await device(t, VEDIRECT)];
  const examined = await examine(t, { gnss: serial(other, 'nmea'), battery: serial(one, 'vedirect') });
  t.match(
    new Map(ofSources(examined).map(({ about, code, mend }) => [about, { code, mend }])),
    new Map([
      [
        'source gnss',
        { code: 'ports-swapped', mend: { path: ['sources', 'gnss', 'port', 'path'], config: `path: ${one.path}` } },
      ],
      [
        'source battery',
        {
          code: 'ports-swapped',
          mend: { path: ['sources', 'battery', 'port', 'path'], config: `path: ${other.path}` },
        },
      ],
    ]),
  );
});

/** An SLCAN adapter at a bus of that speed, with traffic on it. */
async function canBus(t: Test, bitrate: number, canListen = true): Promise<{ pty: Pty; adapter: SlcanAdapter }> {
  const pty = await openPty();
  const adapter = new SlcanAdapter((bytes) => pty.write(bytes));
  pty.onData((bytes) => {
    const text = Buffer.from(bytes).toString('latin1');
    adapter.receive(Buffer.from(canListen ? text : text.replaceAll('L\r', 'X\r'), 'latin1'));
  });
  const batch = new FrameBatch(20);
  for (let id = 0x100; id < 0x114; id += 1) batch.add(id, 0, new Uint8Array(8), 0, 8);
  const timer = setInterval(() => {
    if (adapter.bitrate === bitrate) adapter.pass(batch, 0, batch.count);
  }, SPEAK_MS);
  t.teardown(async () => {
    clearInterval(timer);
    await pty.close();
  });
  return { pty, adapter };
}

t.test('the speed of a CAN bus is found, and nothing is sent onto it', async (t) => {
  const { pty, adapter } = await canBus(t, 250_000);
  const can = { type: 'can', bus: { slcan: pty.path, bitrate: 500_000 } };
  const examined = await examine(t, { can });
  t.match(ofSources(examined), [
    {
      code: 'bitrate',
      severity: 'broken',
      mend: { path: ['sources', 'can', 'bus', 'bitrate'], config: 'bitrate: 250000' },
    },
    { code: 'dbc-missing', severity: 'note' },
  ]);
  t.equal(adapter.takeSent().count, 0);
  await waitFor('the adapter is closed again', () => !adapter.isOpen);
});

t.test('a bus is left alone where its adapter cannot only listen', async (t) => {
  const { pty, adapter } = await canBus(t, 500_000, false);
  const can = { type: 'can', bus: { slcan: pty.path, bitrate: 500_000 } };
  t.match(ofSources(await examine(t, { can })), [{ code: 'adapter-blind' }]);
  await waitFor('the adapter stays closed', () => !adapter.isOpen);
});

t.test('what is no CAN adapter is told', async (t) => {
  const can = { type: 'can', bus: { slcan: (await device(t, NMEA)).path, bitrate: 500_000 } };
  t.match(ofSources(await examine(t, { can })), [{ code: 'adapter-silent' }]);
});

t.test('a unit that does not answer, and a host that is not there, are told', async (t) => {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const units = [{ timeoutMs: 50, points: [{ name: 'flow', address: 0 }] }];
  const examined = await examine(t, {
    silent: { type: 'modbus', port: { host: '127.0.0.1', port }, units },
    absent: { type: 'modbus', port: { host: '127.0.0.1', port: await freePort() }, units },
    gone: { type: 'serial', port: { host: '127.0.0.1', port: await freePort() } },
  });
  const found = new Map(ofSources(examined).map(({ about, code }) => [about, code]));
  t.equal(found.get('source silent'), 'units-silent');
  t.equal(found.get('source absent'), 'host-unreachable');
  t.equal(found.get('source gone'), 'host-unreachable');
});

t.test('a line of Modbus on which something else speaks is told from one on which nobody does', async (t) => {
  const units = [{ timeoutMs: 200, points: [{ name: 'flow', address: 0 }] }];
  const examined = await examine(t, {
    taken: { type: 'modbus', port: { path: (await device(t, NMEA)).path }, units },
    silent: { type: 'modbus', port: { path: (await device(t, new Uint8Array(0))).path }, units },
  });
  const found = new Map(ofSources(examined).map(({ about, code }) => [about, code]));
  t.equal(found.get('source taken'), 'line-garbled');
  t.equal(found.get('source silent'), 'units-silent');
});

/** `caisson doctor` as a process of its own. */
async function doctor(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, 'doctor', ...args], { cwd: t.testdirName.replace(/[^/]*$/, '') });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes) => {
    stdout += bytes;
  });
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

t.test('a port that another program has open is left to it, and the program named', async (t) => {
  const pty = await device(t, NMEA);
  const held = openSync(pty.path, constants.O_RDWR | constants.O_NOCTTY);
  t.teardown(() => closeSync(held));
  const { code, stdout } = await doctor(
    await configFile(t, { gnss: serial(pty, 'nmea') }),
    '--json',
    '--listen',
    '0.2',
  );
  t.equal(code, 1);
  const report = JSON.parse(stdout);
  const finding = report.findings.find(({ about }: { about: string }) => about === 'source gnss');
  t.match(finding, {
    code: 'port-busy',
    seen: new RegExp(`\\(process ${process.pid} of user .*\\) has ${pty.path} open`),
  });
});

t.test('a gateway that runs is asked, and its port is read by it alone', async (t) => {
  const pty = await device(t, NMEA);
  const folder = t.testdir({});
  const gnss = serial(pty, 'nmea');
  const store = { dir: join(folder, 'store') };
  const ports = { dashboard: { port: await freePort() }, grpc: { port: await freePort() } };
  const gateway = await GatewayChild.start({ config: { store, ...ports, sources: { gnss } }, folder });
  t.teardown(() => gateway.stop());
  const { stdout } = await doctor(join(folder, 'caisson.yaml'), '--json', '--listen', '0.2');
  const report = JSON.parse(stdout);
  t.match(
    report.sound.find(({ about }: { about: string }) => about === 'gateway')?.seen,
    /runs, Caisson .*; its ports and wires were left to it$/,
  );
  t.same(
    report.findings.filter(({ code }: { code: string }) => /port|wire/.test(code)),
    [],
  );
});

t.test('a config that does not fit is told with its line, one that is missing with another code', async (t) => {
  const dir = t.testdir({ 'caisson.yaml': 'sources:\n  a: { type: serial }\n' });
  const { code, stdout } = await doctor(join(dir, 'caisson.yaml'));
  t.equal(code, 1);
  t.match(stdout, /1\. broken: sources\.a/);
  t.equal((await doctor(join(dir, 'missing.yaml'))).code, 2);
  t.equal((await doctor(join(dir, 'caisson.yaml'), '--listen', '0')).code, 2);
});

t.test('the clock of a central is compared, and one that does not answer is told', async (t) => {
  const now = 1e15;
  const central = (ahead: number) => ({
    address: '10.0.0.5:7444',
    status: async () => ({ now: now + ahead }) as GatewayStatus,
  });
  const look = async (ahead: number) => examineCentral(central(ahead), () => now, 1e6);
  t.same((await look(500_000)).findings, []);
  t.match((await look(-5e6)).findings, [{ code: 'clocks-differ', seen: /5\.000 s behind/ }]);
  const absent = { address: '10.0.0.5:7444', status: () => Promise.reject(new Error('no answer')) };
  t.match((await examineCentral(absent, () => now, 1e6)).findings, [
    { code: 'central-unreachable', mend: { command: 'nc -vz 10.0.0.5 7444' } },
  ]);
});

const RAV4 = recording('can/comma2k19-rav4');

t.test(
  'swapped DBC files of a real car are told, and the right ones are well',
  { skip: RAV4 === undefined ? 'no recording' : false },
  async (t) => {
    const at = (name: string) => join(RAV4 ?? '', name);
    const log = at('rav4_20180802_60s.candump.log.gz');
    const powertrain = [at('toyota_2017_ref_pt.dbc'), at('toyota_nodsu_pt_concat.dbc')];
    const radar = [at('toyota_adas.dbc')];
    const source = (can0: string[], can1: string[]) => ({
      rav4: { type: 'can', bus: { log }, interfaces: { can0: { dbc: can0 }, can1: { dbc: can1 } } },
    });
    const swapped = ofSources(await examine(t, source(radar, powertrain)));
    t.match(swapped, [
      { code: 'dbc-swapped', about: 'source rav4 can0', mend: { config: `dbc: [${powertrain.join(', ')}]` } },
      { code: 'dbc-swapped', about: 'source rav4 can1', mend: { config: `dbc: [${radar.join(', ')}]` } },
    ]);
    t.match(swapped[0]?.seen, /toyota_2017_ref_pt\.dbc 79 % \(57 of 90 identifiers\)/);
    t.match(swapped[0]?.means, /of this bus and of source rav4 can1 are swapped/);
    t.same(ofSources(await examine(t, source(powertrain, radar))), []);

    const told = await doctor('--recording', log, '--dbc', ...powertrain, ...radar, '--json');
    t.equal(told.code, 0, 'a file that nobody has configured is nothing wrong');
    t.match(JSON.parse(told.stdout).findings, [
      { code: 'dbc-missing', mend: { config: `interfaces: { can0: { dbc: [${powertrain.join(', ')}] } }` } },
      { code: 'dbc-missing', mend: { config: `interfaces: { can1: { dbc: [${radar.join(', ')}] } }` } },
    ]);
    const config = await configFile(t, {
      car: { type: 'can', bus: { slcan: '/dev/none', bitrate: 500_000 }, dbc: radar },
    });
    const played = await doctor(config, '--recording', log, '--dbc', ...powertrain);
    t.equal(played.code, 1);
    t.match(played.stdout, /broken: source car can0/);
    t.match(readFileSync(config, 'utf8'), /toyota_adas/);
  },
);
