/** `caisson replay` and `caisson import -`, as a person runs them: recordings of every format, through the collectors and at once. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { MAIN } from '../../main-script.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { CaissonProcess, caisson } from '../../sync/caisson-process.ts';
import { ImportRig } from './import-rig.ts';
import { DBC, FRAMES, RECORDED, SPEEDS, WIRES_AND_TABLES } from './recorded-formats.ts';

const ANY_PORTS = ['--port', '0', '--grpc-port', '0'];

/** All values of a channel. */
function valuesOf(telemetry: StoreTelemetry, name: string): number[] {
  const { id } = telemetry.channel(name);
  return [...telemetry.raw(id, -1e18, 1e18)].flatMap(({ values }) => [...values].map(Number));
}

/** What recordings that count have counted. */
const COUNT = Array.from({ length: FRAMES }, (_, n) => n);

for (const [format, make] of Object.entries(RECORDED)) {
  t.test(`${format} comes in whole and gives what the others give`, async (t) => {
    const rig = new ImportRig(t);
    const report = await rig.import(rig.bytes('drive', make()), { dbcs: [rig.file('car.dbc', DBC)] });
    t.match(report, { format, state: 'imported', received: FRAMES, skipped: {} });
    rig.ask((telemetry) => {
      const speed = telemetry.channels().find(({ name }) => name.endsWith('/Engine/Speed'));
      t.same(valuesOf(telemetry, speed?.name ?? ''), SPEEDS);
    });
  });
}

for (const [format, { channel, received, isTimed, make }] of Object.entries(WIRES_AND_TABLES)) {
  if (!isTimed) continue;
  t.test(`${format} comes in whole, each value under its channel`, async (t) => {
    const rig = new ImportRig(t);
    const settings = { startAt: Date.UTC(2021, 6, 26) * 1e3, utcOffset: '+02:00' };
    const report = await rig.import(rig.bytes('wire', Buffer.from(make())), settings);
    t.match(report, { format, state: 'imported', received, skipped: {} });
    rig.ask((telemetry) => t.same(valuesOf(telemetry, `car/${channel}`), COUNT));
  });
}

for (const [format, make] of Object.entries(RECORDED)) {
  t.test(`${format} that breaks off gives what stands before that, and once`, async (t) => {
    const rig = new ImportRig(t);
    const whole = make();
    const settings = { dbcs: [rig.file('car.dbc', DBC)] };
    for (const [name, tail] of [
      ['cut', Buffer.alloc(0)],
      ['spoiled', Buffer.alloc(whole.length >> 2, 0xa5)],
    ] as const) {
      const cut = rig.bytes(name, Buffer.concat([whole.subarray(0, Math.floor(whole.length * 0.75)), tail]));
      const store = new ImportRig(t);
      const report = await store.import(cut, settings);
      t.equal(report.state, 'imported');
      store.ask((telemetry) => {
        const speed = telemetry.channels().find(({ name }) => name.endsWith('/Engine/Speed'));
        const speeds = valuesOf(telemetry, speed?.name ?? '');
        t.ok(speeds.length > 0 && speeds.length < SPEEDS.length, `${name}: ${speeds.length} of ${SPEEDS.length}`);
        t.same(speeds, SPEEDS.slice(0, speeds.length), 'from the beginning on');
      });
      t.match(await store.import(cut, settings), { state: 'known', samples: report.samples });
      t.same(store.faults(), []);
    }
  });
}

t.test('recordings of all kinds are played, kept and told of', async (t) => {
  const rig = new ImportRig(t);
  const logs = Object.values(RECORDED).map((make, n) => rig.bytes(`bus${n}.recording`, make()));
  const others = Object.values(WIRES_AND_TABLES);
  const files = others.map(({ make }, n) => rig.bytes(`wire${n}.gz`, gzipSync(make())));
  const dbc = rig.file('car.dbc', DBC);
  const args = ['--speed', 'max', '--exit', '--json', '--store', rig.dir, '--dbc', dbc, ...ANY_PORTS];
  const { code, stdout, stderr } = await caisson('replay', ...args, ...logs, ...files);
  t.equal(code, 0, stderr);
  const reports = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { source: string; kind: string; received: number; dropped: number });
  t.same(
    reports.map(({ kind, received, dropped }) => [kind, received, dropped]),
    [...logs.map(() => ['can', FRAMES, 0]), ...others.map(({ kind, received }) => [kind, received, 0])],
  );
  const telemetry = StoreTelemetry.open(rig.dir);
  t.teardown(() => telemetry.close());
  const speeds = telemetry.channels().filter(({ name }) => name.endsWith('/Engine/Speed'));
  t.equal(speeds.length, logs.length);
  for (const { name } of speeds) t.same(valuesOf(telemetry, name), SPEEDS, name);
  for (const [n, { channel }] of others.entries()) {
    t.same(valuesOf(telemetry, `wire${n}/${channel}`), COUNT, channel);
  }
});

t.test('what is played can be looked at until Ctrl-C, and is thrown away then', async (t) => {
  const rig = new ImportRig(t);
  const log = rig.bytes('drive.log', RECORDED.candump?.() ?? Buffer.alloc(0));
  const replay = new CaissonProcess(['replay', log, '--dbc', rig.file('car.dbc', DBC), '--speed', '10', ...ANY_PORTS]);
  const [, port = ''] = /gRPC 127\.0\.0\.1:(\d+)/.exec(await replay.said('replay: dashboard')) ?? [];
  const client = new TelemetryClient({ host: '127.0.0.1', port: Number(port) });
  t.teardown(() => client.close());
  while (!replay.stdout.includes('gave')) await new Promise((resolve) => replay.child.stdout?.once('data', resolve));
  await eventually('the status to be told', async () => (await client.status()).sources[0]?.state === 'stopped');
  t.match((await client.status()).sources, [{ name: 'drive', received: FRAMES }]);
  const { code, stdout } = await replay.kill('SIGINT');
  t.equal(code, 0);
  t.match(stdout, /^drive: 50 units gave 1\d\d samples\n$/);
});

t.test('what cannot be played is refused with what was expected', async (t) => {
  const rig = new ImportRig(t);
  const notes = rig.file('notes.txt', 'Dear John\n');
  const log = rig.bytes('drive.log', RECORDED.candump?.() ?? Buffer.alloc(0));
  const other = rig.file('other.dbc', DBC.replace('BO_ 256', 'BO_ 257'));
  for (const [args, code, said] of [
    [[notes], 1, /notes.txt is no recording that is known/],
    [[rig.file('missing')], 1, /ENOENT/],
    [[log, '--dbc', other], 1, /none of its frames is in other.dbc/],
    [[log, '--speed', '0'], 2, /--speed is 0, expected max, or a number above 0/],
    [[log, '--port', '70000'], 2, /--port is 70000, expected a whole number/],
    [[log, '--utc-offset', '8'], 2, /--utc-offset is 8, expected hours and minutes/],
  ] as const) {
    const outcome = await caisson('replay', ...args);
    t.equal(outcome.code, code, outcome.stderr);
    t.match(outcome.stderr, said);
  }
});

/** Runs an import with that on standard input. */
function importInput(input: Uint8Array, ...args: readonly string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [MAIN, 'import', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more) => (text += more));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })));
}

t.test('a recording comes in through standard input as from a file, and not twice', async (t) => {
  const rig = new ImportRig(t);
  const log = RECORDED.candump?.() ?? Buffer.alloc(0);
  const args = ['--store', rig.dir, '--name', 'car7', '--dbc', rig.file('car.dbc', DBC)];
  t.match(await importInput(gzipSync(log), ...args, '-'), {
    code: 0,
    text: /^- \(candump\): 50 units gave 1\d\d samples/m,
  });
  rig.ask((telemetry) => t.same(valuesOf(telemetry, 'car7/can0/Engine/Speed'), SPEEDS));
  const file = rig.file('drive.log');
  writeFileSync(file, log);
  t.match(await caisson('import', ...args, file), { code: 0, stdout: /already here/ });
  t.equal(readFileSync(file).length, log.length);
  t.match(await importInput(log, ...args, '-', '-'), { code: 2, text: /- is given more than once/ });
  t.match(await importInput(Buffer.from('Dear John\n'), ...args, '-'), { code: 1, text: /no recording that is known/ });
});
