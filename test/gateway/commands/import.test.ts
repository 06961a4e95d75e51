import { appendFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { CaissonError } from '../../../gateway/errors.ts';
import { sentence } from '../../../hardware/simulated/nmea.ts';
import { caisson } from '../../sync/caisson-process.ts';
import { ImportRig, NOW } from './import-rig.ts';
import { bitsOf, decodedBits } from './raw-store.ts';

const DBC = `BO_ 256 Engine: 8 ECU
 SG_ Speed : 0|16@1+ (0.25,0) [0|16000] "rpm" Dash
 SG_ Mode : 16|4@1+ (1,0) [0|0] "" Dash
BO_ 257 Brake: 2 ECU
 SG_ Pressure : 0|16@1+ (0.1,-5) [0|0] "bar" Dash
`;

const START = 1_600_000_000_000_000;
const FRAMES = 30_000;

/** Frames of two messages in turn, half a millisecond apart. */
function log(frames = FRAMES, start = START): string {
  const lines: string[] = [];
  for (let n = 0; n < frames; n += 1) {
    const word = ((n * 7919) & 0xffff).toString(16).padStart(4, '0').toUpperCase();
    const data = n % 2 === 0 ? `100#${word}0${1 + ((n >> 6) & 1)}${word}000000` : `101#${word}`;
    lines.push(`(${((start + n * 500) / 1e6).toFixed(6)}) can0 ${data}\n`);
  }
  return lines.join('');
}

function source(rig: ImportRig, more: object = {}) {
  const dbc = [rig.file('car.dbc', DBC)];
  return { type: 'can', bus: { log: rig.file('log'), speed: 'max' }, dbc, timestamp: 'device', raw: true, ...more };
}

/** Id of the feed of a store. */
function feedOf(rows: Record<string, unknown[]> = {}): unknown {
  return (rows.meta as { key: string; value: string }[]).find(({ key }) => key === 'feed')?.value;
}

/** What `work` is refused for. */
async function refusal(work: Promise<unknown>): Promise<CaissonError | undefined> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof CaissonError ? error : undefined;
}

t.test('what is imported is what the collector makes of it when it is played, bit for bit', async (t) => {
  const live = new ImportRig(t);
  live.file('log', log());
  await live.takeIn(t, source(live));
  const rig = new ImportRig(t);
  const file = rig.file('log', log());
  rig.configure(source(rig));
  const report = await rig.import(file, 'car');
  const expected = live.ask((telemetry) => decodedBits(telemetry));
  t.ok(expected.size >= 3);
  t.same(
    rig.ask((telemetry) => decodedBits(telemetry)),
    expected,
  );
  for (const name of ['car/raw', 'car/bus/frame_rate']) {
    const [imported, played] = [rig, live].map((each) => each.ask((telemetry) => bitsOf(telemetry, name)));
    t.same(imported, played, name);
  }
  t.equal(report.samples, rig.samples());
  t.match(report, { state: 'imported', format: 'candump', received: FRAMES, skipped: {}, from: START });
  t.same(rig.faults(), []);
});

t.test('imported twice, packed or not, nothing changes', async (t) => {
  const rig = new ImportRig(t);
  const file = rig.file('log', log());
  const first = await rig.import(file, { dbcs: [rig.file('car.dbc', DBC)] });
  const before = rig.rows();
  const packed = rig.bytes('other.gz', gzipSync(log()));
  for (const again of [file, packed]) {
    const report = await rig.import(again, { dbcs: [rig.file('car.dbc')] }, { now: NOW + 1e9 });
    t.match(report, { state: 'known', samples: first.samples, from: first.from, to: first.to });
  }
  t.same(rig.rows(), before);
});

t.test('the same recording into two stores gives the same rows', async (t) => {
  const rigs = [new ImportRig(t), new ImportRig(t)];
  for (const rig of rigs) await rig.import(rig.file('log', log()), { dbcs: [rig.file('car.dbc', DBC)] });
  const [one, other] = rigs.map((rig) => rig.rows());
  t.not(feedOf(one), feedOf(other), 'but a central must not take one for the other');
  t.same({ ...one, meta: [] }, { ...other, meta: [] });
});

t.test('decoded with other settings, a channel does not get its samples twice unasked', async (t) => {
  const rig = new ImportRig(t);
  const file = rig.file('log', log());
  await rig.import(file, { dbcs: [rig.file('car.dbc', DBC)] });
  const before = rig.rows();
  const settings = { dbcs: [rig.file('new.dbc', DBC.replace('0.25', '0.5'))] };
  const error = await refusal(rig.import(file, settings));
  t.match(error, { code: 'import-refused', message: /would have its samples twice/ });
  t.same(rig.rows(), before, 'nothing of it was kept');
  t.match(await rig.import(file, { ...settings, name: 'other' }), { state: 'imported' });
  t.match(await rig.import(file, settings, { isAgain: true }), { state: 'imported' });
  t.same(rig.faults(), []);
});

t.test('it stands beside what was taken in live, and the box does not think that it ran then', async (t) => {
  const rig = new ImportRig(t);
  rig.file('log', log(2000));
  const live = source(rig, { timestamp: 'arrival', raw: false });
  await rig.takeIn(t, live);
  const before = rig.ask((telemetry) => bitsOf(telemetry, 'car/Engine/Speed'));
  // Behind the last sample of the box, where its next boot would have to begin if this were of the box.
  const file = rig.file('later', log(2000, 4_000_000_000_000_000));
  await rig.import(file, 'car');
  const stamp = rig.ask((telemetry) => telemetry.channel('car/Engine/Speed').stamp);
  t.equal(stamp, 'arrival', 'the channel is what its wire said');
  await rig.takeIn(t, live);
  rig.ask((telemetry) => {
    const all = bitsOf(telemetry, 'car/Engine/Speed');
    t.equal(all.length, 3000);
    t.same(all.slice(0, before.length), before);
    t.match(all.at(-1), /^400000000099/);
    const { boots } = rig.rows();
    const [first, imported, second] = boots as { id: number; started: number }[];
    t.ok((second?.started ?? 0) < 4_000_000_000_000_000, 'box time goes on where the box was');
    t.same(
      (rig.rows().gaps as { boot: number; cause: string }[]).map(({ boot, cause }) => `${boot} ${cause}`).sort(),
      Array.from({ length: 3 }, () => `${first?.id} stopped`),
      `gaps of the boot before, none of boot ${imported?.id}`,
    );
    for (const { kept, lost } of telemetry.ledger()) t.equal(lost, 0, `${kept} kept`);
  });
  t.same(rig.faults(), []);
});

t.test('what is damaged is counted with its place, and costs only itself', async (t) => {
  const rig = new ImportRig(t);
  const lines = log(100).split('\n');
  lines.splice(10, 0, 'what is this', '(1600000000.1) can0 100#ZZ');
  lines.splice(50, 0, '(1600000000.1) can0');
  const can = await rig.import(rig.file('log', lines.join('\n')), { dbcs: [rig.file('car.dbc', DBC)] });
  t.match(can, { received: 100, samples: 150, skipped: { 'bad-line': 2, 'bad-data': 1 } });
  t.match(can.places, { 'bad-line': 'line 11', 'bad-data': 'line 12' });

  const body = 'm,x=1 a=1,b=2i 1600000000000000000\nm a=\nm a=3 1600000000000001000\nm a=4\n';
  const influx = await rig.import(rig.file('lp', body), { name: 'lp' });
  t.match(influx, { format: 'InfluxDB line protocol', samples: 3, skipped: { 'no-time': 1 } });
  t.equal(Object.values(influx.places)[0], 'line 2');
  t.equal(influx.to, START + 1);
});

t.test('lines and frames without times come in evenly, from the time that is given', async (t) => {
  const rig = new ImportRig(t);
  const sourceOf = (settings: object) => {
    const config = rig.configure({ type: 'serial', port: { path: '/dev/ttyUSB0' }, ...settings }).sources.car;
    if (config === undefined) throw new Error('no source car');
    return { name: 'car', config };
  };
  const file = rig.file('scale.log', 'cut off kg\nW12.5kg\r\nW12.75kg\r\njunk\r\nW13kg\r\n');
  const source = sourceOf({ protocol: 'lines', lines: [{ pattern: '^W(?<weight>[0-9.]+)kg$' }] });
  const given = { source, startAt: START, everyUs: 500_000 };
  const report = await rig.import(file, given);
  t.match(report, { samples: 3, skipped: { 'no-match': 2 }, from: START, to: START + 1_000_000 });
  t.match(await rig.import(file, given), { state: 'known' }, 'twice changes nothing');
  for (const lacking of [{ source }, { source, startAt: START }, { source, everyUs: 1 }]) {
    await t.rejects(rig.import(file, lacking), { code: 'import-refused', message: /tells no times/, hint: /--every/ });
  }
  const frame = { framing: 'slip', messages: [{ fields: [{ name: 'f', at: 0, type: 'u8' }] }] };
  const frames = rig.bytes('rig.bin', Buffer.from('c00ac0c00bc0', 'hex'));
  const framed = { ...given, source: sourceOf({ protocol: 'framed', frame }) };
  t.match(await rig.import(frames, framed), { samples: 2, from: START, to: START + 500_000 });
  const nmea = rig.file('track.nmea', '$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n');
  await t.rejects(rig.import(nmea, { startAt: START, everyUs: 1 }), { code: 'import-refused', message: /NMEA 0183/ });
  t.same(rig.faults(), []);
});

t.test('a packed recording that breaks off gives what can be read of it', async (t) => {
  const rig = new ImportRig(t);
  const packed = gzipSync(log());
  const report = await rig.import(rig.bytes('log.gz', packed.subarray(0, packed.length / 2)));
  t.ok(report.received > 1000 && report.received < FRAMES);
  t.equal(report.skipped['recording-broken-off'], 1);
  t.same(rig.faults(), []);
});

t.test('a recording whose times count from its beginning is placed by --start', async (t) => {
  const rig = new ImportRig(t);
  const file = rig.file('log', log(100, 0));
  t.match(await refusal(rig.import(file)), { code: 'import-refused', hint: /--start/ });
  t.match(await rig.import(file, { startAt: START }), { from: START, to: START + 99 * 500 });
});

t.test(
  'sentences that tell times of day alone have the date of --start, and a recording with dates is moved there',
  async (t) => {
    const rig = new ImportRig(t);
    const noon = Date.UTC(2024, 1, 29, 12) * 1e3;
    const gga = (time: string) => sentence(`GPGGA,${time},3723.4658,N,12202.2695,W,1,08,1.0,18.9,M,-25.7,M,,`);
    const undated = rig.file('track.nmea', ['235958', '235959', '000000', '000001'].map(gga).join(''));
    t.match(await refusal(rig.import(undated)), { code: 'import-refused', hint: /--start gives the date/ });
    const begin = noon + 12 * 3600e6 - 2e6;
    t.match(await rig.import(undated, { startAt: begin }), { from: begin, to: begin + 3e6 }, 'over midnight');
    t.match(await rig.import(undated, { startAt: begin }), { state: 'known' }, 'once');
    const rmc = (second: number) => sentence(`GPRMC,09000${second},A,3723.4658,N,12202.2695,W,1.0,2.0,110720,,,A`);
    const dated = rig.file('old.nmea', [0, 1, 2, 3].map(rmc).join(''));
    t.match(await rig.import(dated, { name: 'old', startAt: noon }), { from: noon, to: noon + 3e6 });
  },
);

const REFUSED = [
  ['an empty file', '', /it is empty/],
  ['a text', 'Dear John,\nthe car is fast.\n', /begins with "Dear John,"/],
  ['binary data', '\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008\u0000', /begins with bytes 0102030405060708/],
  ['a table of another make', 'timestamp,value\n2013-12-02 21:15:00,73.9\n', /begins with "timestamp,value"/],
] as const;
for (const [what, text, message] of REFUSED) {
  t.test(`${what} is refused with what was found`, async (t) => {
    const rig = new ImportRig(t);
    t.match(await refusal(rig.import(rig.file('x', text))), { code: 'import-refused', message, hint: /candump/ });
  });
}

t.test('a recording that grows while it is read is left for later', async (t) => {
  const rig = new ImportRig(t);
  const file = rig.file('log', log());
  const onProgress = () => appendFileSync(file, 'more\n');
  t.match(await refusal(rig.import(file, {}, { onProgress })), { code: 'import-refused', retryable: true });
  t.equal(rig.samples(), 0);
});

t.test('broken off by its caller, nothing of a file is kept', async (t) => {
  const rig = new ImportRig(t);
  const file = rig.file('log', log());
  const stop = new AbortController();
  const onProgress = (share: number) => share > 0.5 && stop.abort();
  await t.rejects(rig.import(file, {}, { signal: stop.signal, onProgress }));
  t.equal(rig.samples(), 0);
  t.match(await rig.import(file), { state: 'imported' });
});

async function run(t: Test, args: readonly string[], code: number): Promise<{ stdout: string; stderr: string }> {
  const outcome = await caisson('import', ...args);
  t.equal(outcome.code, code, outcome.stderr);
  return outcome;
}

t.test('the command imports file after file, and one that is refused does not keep the others out', async (t) => {
  const rig = new ImportRig(t);
  const [file, dbc] = [rig.file('drive.candump.log', log(100)), rig.file('car.dbc', DBC)];
  const bad = rig.file('notes.txt', 'Dear John\n');
  const store = ['--store', rig.dir];
  const dry = await run(t, ['--dry-run', file, '--dbc', dbc], 0);
  t.match(dry.stdout, /would give 150 samples of 3 channels, from 2020-09-13T12:26:40.000000Z/);
  t.match(dry.stdout, /drive\/can0\/Engine\/Speed +50 rpm\n/);
  const first = await run(t, [...store, '--dbc', dbc, bad, file], 1);
  t.match(first.stderr, /a new store\n.*notes.txt is no recording that is known/s);
  t.match(first.stdout, /drive.candump.log \(candump\): 100 units gave 150 samples of 3 channels/);
  const second = await run(t, [...store, '--dbc', dbc, file], 0);
  t.match(second.stdout, /already here: 150 samples, from 2020-09-13T12:26:40.000000Z to/);
  const json = await run(t, [...store, '--json', '--name', 'raw', file], 0);
  t.match(JSON.parse(json.stdout), { state: 'imported', samples: 100, channels: [{ name: 'raw/raw', type: 'text' }] });
  t.match((await run(t, ['--source', 'none', '--config', rig.configFile, file], 2)).stderr, /no source is named none/);
  t.match((await run(t, [...store, '--utc-offset', '8', file], 2)).stderr, /expected hours and minutes/);
  t.match((await run(t, [...store, rig.file('missing')], 1)).stderr, /ENOENT/);
});
