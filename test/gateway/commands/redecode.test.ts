import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { lockStore, storePaths } from '../../../gateway/store/store-dir.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { bruteForceM4, differingPixels } from '../../bench/brute-force-m4.ts';
import { rav4File, rav4Source } from '../../rav4-oracle.ts';
import { caisson } from '../../sync/caisson-process.ts';
import { exampleStatus } from '../../sync/memory-telemetry.ts';
import { bitsOf, CAR_DBC, decodedBits, RawStore } from './raw-store.ts';

const WRONG =
  CAR_DBC.replace('0|16@1+ (0.25,0)', '4|16@1+ (0.5,0)').replace('16|4@1+', '17|4@1+').split('BO_ 257')[0] ?? '';

const START = 1_600_000_000_000_000;
const FRAMES = 20_000;
/** Time between two frames, microseconds. */
const GAP = 500;

/** Frames of two messages in turn, the first with a multiplexer that steps. */
function log(frames = FRAMES): string {
  const lines: string[] = [];
  for (let n = 0; n < frames; n += 1) {
    const word = ((n * 7919) & 0xffff).toString(16).padStart(4, '0').toUpperCase();
    const data = n % 2 === 0 ? `100#${word}0${1 + ((n >> 6) & 1)}${word.slice(0, 2)}` : `101#${word}`;
    lines.push(`(${((START + n * GAP) / 1e6).toFixed(6)}) can0 ${data}\n`);
  }
  return lines.join('');
}

function source(store: RawStore, dbc: string, more: object = {}) {
  return {
    type: 'can',
    bus: { log: store.file('log'), speed: 'max' },
    dbc: [store.file('car.dbc', dbc)],
    timestamp: 'device',
    raw: true,
    ...more,
  };
}

/** Stores that took in a recording, by DBC and length: each is copied and stays as it is. */
const takenIn = new Map<string, Promise<RawStore>>();

function takenOnce(dbc: string, frames = FRAMES): Promise<RawStore> {
  const key = `${frames} ${dbc}`;
  const made =
    takenIn.get(key) ??
    (async () => {
      const store = new RawStore(t);
      store.file('log', log(frames));
      await store.takeIn(t, source(store, dbc));
      return store;
    })();
  takenIn.set(key, made);
  return made;
}

/** A store that took in a recording, decoded by `dbc`. */
async function taken(t: Test, dbc: string, frames?: number): Promise<RawStore> {
  const store = new RawStore(t);
  cpSync((await takenOnce(dbc, frames)).folder, store.folder, { recursive: true });
  return store;
}

/** What a live decode of the recording with the right DBC gives. */
const liveRight = takenOnce(CAR_DBC).then((store) => store.ask((telemetry) => decodedBits(telemetry)));

function sameBits(t: Test, actual: Map<string, string[]>, expected: Map<string, string[]>, what: string): void {
  t.same([...actual.keys()], [...expected.keys()], `${what}: channels`);
  const differing = [...expected].filter(([name, bits]) => actual.get(name)?.join() !== bits.join());
  t.same(
    differing.map(([name]) => name),
    [],
    `${what}: samples`,
  );
}

/** Envelopes of a channel over a stretch, at several widths, against M4 over the raw samples. */
function differingFromM4(telemetry: StoreTelemetry, name: string, from: number, to: number, version?: number): number {
  const { id } = telemetry.channel(name);
  const samples = [...telemetry.raw(id, from, to, version)].flatMap(({ times, values }) =>
    Array.from(times, (time, i) => ({ time, value: Number(values[i]) })),
  );
  return [1, 7, 100, 333].reduce((sum, pixels) => {
    const m4 = bruteForceM4(samples, from, to, pixels);
    return sum + differingPixels(telemetry.envelope(id, from, to, pixels, version), m4);
  }, 0);
}

t.test(
  'decoded anew with the right DBC, the past is what a live decode with it gives, and stays readable',
  async (t) => {
    const store = await taken(t, WRONG);
    const other = await taken(t, CAR_DBC);
    const asTaken = store.ask((telemetry) => decodedBits(telemetry));
    const before = store.ask((telemetry) => telemetry.ledger());
    const [made, ...more] = store.redecode(source(store, CAR_DBC));
    t.same(more, []);
    t.match(made, {
      version: 1,
      raw: FRAMES,
      channels: ['Brake/Pressure', 'Engine/Cold', 'Engine/Hot', 'Engine/Mode', 'Engine/Speed'].map(
        (name) => `car/${name}`,
      ),
    });
    const expected = other.ask((telemetry) => decodedBits(telemetry));
    t.not(asTaken.get('car/Engine/Speed')?.[100], expected.get('car/Engine/Speed')?.[100]);
    store.ask((telemetry) => {
      sameBits(t, decodedBits(telemetry), expected, 'newest');
      sameBits(t, decodedBits(telemetry, 1), expected, 'version 1');
      const old = decodedBits(telemetry, 0);
      t.same(old.get('car/Brake/Pressure'), [], 'nothing was taken in of it');
      for (const [name, bits] of old) if (bits.length === 0) old.delete(name);
      sameBits(t, old, asTaken, 'version 0');
      for (const version of [0, 1, undefined]) {
        t.equal(differingFromM4(telemetry, 'car/Engine/Speed', START + 12_345, START + FRAMES * GAP - 777, version), 0);
      }
      const last = bitsOf(telemetry, 'car/Engine/Speed').at(-1);
      const latest = telemetry.latest(telemetry.channel('car/Engine/Speed').id);
      t.equal(
        `${latest?.time} ${new BigUint64Array(Float64Array.of(Number(latest?.value)).buffer)[0]?.toString(16)}`,
        last,
      );
      t.match(telemetry.versions(), [
        {
          version: 1,
          gateway: 'box',
          made: 1_700_000_000_000_000,
          recipe: { kind: 'can', dbc: [{ file: 'car.dbc' }] },
        },
      ]);
    });
    t.equal(
      store.ask((telemetry) => telemetry.channel('car/Engine/Speed').scale?.gain),
      0.25,
      'the definition is corrected',
    );
    store.ask((telemetry) => {
      const after = telemetry.ledger();
      for (const line of before)
        t.match(
          after.find(({ channel }) => channel === line.channel),
          { taken: line.taken, kept: line.kept, lost: line.lost },
        );
      const speed = after.find(({ channel }) => channel === telemetry.channel('car/Engine/Speed').id);
      t.equal(speed?.derived, FRAMES / 2);
      const pressure = after.find(({ channel }) => channel === telemetry.channel('car/Brake/Pressure').id);
      t.match(pressure, { taken: 0, kept: 0, lost: 0, derived: FRAMES / 2 });
    });
  },
);

t.test('a bus without a DBC file is kept as it came without being asked, and decoded when there is one', async (t) => {
  const store = new RawStore(t);
  store.file('log', log(FRAMES));
  const { dbc: _, raw: __, ...bare } = source(store, CAR_DBC);
  await store.takeIn(t, bare);
  store.ask((telemetry) => {
    t.equal(bitsOf(telemetry, 'car/raw').length, FRAMES);
    t.match(telemetry.channel('car/raw'), { type: 'text', class: 'bulk', description: /^frames as they came/ });
  });
  store.redecode({ ...bare, dbc: [store.file('car.dbc')] });
  const expected = await liveRight;
  store.ask((telemetry) => sameBits(t, decodedBits(telemetry), expected, 'newest'));
});

t.test('what nothing decoded is decoded when there is a file, beside what was decoded when it came', async (t) => {
  const store = new RawStore(t);
  const engine = CAR_DBC.split('BO_ 257')[0] ?? '';
  const lines = log(6000).split(/(?<=\n)/);
  const part = (name: string, dbc: string, from: number, to: number) => ({
    ...source(store, CAR_DBC, { bus: { log: store.file(name, lines.slice(from, to).join('')), speed: 'max' } }),
    dbc: [store.file(`${name}.dbc`, dbc)],
    raw: undefined,
  });
  // One run of the gateway, in which the file with both messages came late and went again.
  const parts = [
    part('first', engine, 0, 2000),
    part('second', CAR_DBC, 2000, 4000),
    part('third', engine, 4000, 6000),
  ];
  await store.takeIn(t, ...parts);
  const asTaken = store.ask((telemetry) => decodedBits(telemetry));
  t.equal(asTaken.get('car/Brake/Pressure')?.length, 1000);
  t.equal(
    store.ask((telemetry) => bitsOf(telemetry, 'car/undefined').length),
    2000,
    'and nothing else',
  );
  const [made] = store.redecode(part('second', CAR_DBC, 0, 0));
  t.match(made, { raw: 2000, samples: 3000, channels: ['car/Brake/Pressure'] });
  const expected = new RawStore(t);
  expected.file('log', lines.join(''));
  await expected.takeIn(t, source(expected, CAR_DBC, { raw: false }));
  const whole = expected.ask((telemetry) => decodedBits(telemetry));
  store.ask((telemetry) => {
    sameBits(t, decodedBits(telemetry), whole, 'newest');
    sameBits(t, decodedBits(telemetry, 0), asTaken, 'version 0');
  });
  t.same(store.faults(), []);
});

t.test('a stretch is decoded anew to the microsecond, and versions lie over one another', async (t) => {
  const store = await taken(t, WRONG);
  store.seal();
  const right = await liveRight;
  const wrong = store.ask((telemetry) => decodedBits(telemetry));
  const spans = [
    { from: START + 2_000 * GAP, to: START + 9_001 * GAP },
    { from: START + 8_000 * GAP, to: START + 15_000 * GAP + 1 },
  ] as const;
  store.redecode(source(store, CAR_DBC), { span: spans[0] });
  const half = CAR_DBC.replace('(0.25,0)', '(0.125,0)');
  store.redecode(source(store, half), { span: spans[1] });
  t.same(store.faults(), []);
  const third = await taken(t, half).then((other) => other.ask((telemetry) => decodedBits(telemetry)));
  const timeOf = (bits: string) => Number(bits.split(' ')[0]);
  const within = (bits: string, span: { from: number; to: number }) =>
    timeOf(bits) >= span.from && timeOf(bits) < span.to;
  store.ask((telemetry) => {
    for (const name of ['car/Engine/Speed', 'car/Engine/Mode', 'car/Engine/Hot', 'car/Engine/Cold']) {
      const outside = (bits: string, ...taken: { from: number; to: number }[]) =>
        !taken.some((span) => within(bits, span));
      const old = wrong.get(name) ?? [];
      const first = (right.get(name) ?? []).filter((bits) => within(bits, spans[0]));
      const second = (third.get(name) ?? []).filter((bits) => within(bits, spans[1]));
      const byTime = (all: string[]) => all.sort((a, b) => timeOf(a) - timeOf(b));
      const expected1 = byTime([...old.filter((bits) => outside(bits, spans[0])), ...first]);
      const expected2 = byTime([
        ...old.filter((bits) => outside(bits, ...spans)),
        ...first.filter((bits) => outside(bits, spans[1])),
        ...second,
      ]);
      t.equal(bitsOf(telemetry, name, 0).join(), old.join(), `${name} 0`);
      t.equal(bitsOf(telemetry, name, 1).join(), expected1.join(), `${name} 1`);
      t.equal(bitsOf(telemetry, name).join(), expected2.join(), `${name} 2`);
    }
    for (const version of [0, 1, 2]) {
      for (const edge of [spans[0].from, spans[0].to, spans[1].from, spans[1].to]) {
        t.equal(differingFromM4(telemetry, 'car/Engine/Speed', edge - 71_113, edge + 93_131, version), 0);
      }
      const [from, to] = [START - 1_000_000, START + FRAMES * GAP + 1_000_000];
      t.equal(differingFromM4(telemetry, 'car/Engine/Speed', from, to, version), 0, 'blocks that an edge cuts');
    }
  });
});

t.test('box time is read by the UTC map of the boot, and every boot is decoded for itself', async (t) => {
  const store = new RawStore(t);
  store.file('log', log(3000));
  for (let boot = 0; boot < 2; boot += 1) await store.takeIn(t, source(store, WRONG, { timestamp: 'arrival' }));
  const wrong = store.ask((telemetry) => bitsOf(telemetry, 'car/Engine/Speed', 0));
  const made = store.redecode(source(store, CAR_DBC, { timestamp: 'arrival' }));
  t.same(
    made.map(({ version, raw }) => ({ version, raw })),
    [
      { version: 1, raw: 3000 },
      { version: 1, raw: 3000 },
    ],
  );
  store.ask((telemetry) => {
    const speeds = bitsOf(telemetry, 'car/Engine/Speed');
    const times = (bits: readonly string[]) => bits.map((each) => each.split(' ')[0]);
    t.same(times(speeds), times(wrong));
    t.notSame(speeds, wrong);
    t.equal(bitsOf(telemetry, 'car/Brake/Pressure').length, 3000);
  });
  await store.takeIn(t, source(store, CAR_DBC, { timestamp: 'arrival' }));
  store.ask((telemetry) => {
    t.equal(bitsOf(telemetry, 'car/Engine/Speed').length, 4500, 'a later boot is shown as it was taken in');
    t.equal(bitsOf(telemetry, 'car/Engine/Speed', 0).length, 4500);
    const causes = telemetry
      .gaps(telemetry.channel('car/Engine/Speed').id, 0, Number.MAX_SAFE_INTEGER)
      .map(({ cause }) => cause);
    t.same(causes, ['stopped', 'stopped'], 'a derivation is no run of the gateway');
  });
});

t.test('where raw samples are missing, what was taken in stays', async (t) => {
  const store = await taken(t, WRONG);
  const wrong = store.ask((telemetry) => bitsOf(telemetry, 'car/Engine/Speed'));
  const right = await taken(t, CAR_DBC).then((other) =>
    other.ask((telemetry) => bitsOf(telemetry, 'car/Engine/Speed')),
  );
  // Sealed by the next boot, in blocks of which some are then spoiled.
  store.seal();
  const db = BlockDb.open(storePaths(store.dir).blocks);
  const raw = db.channelsAfter(0).channels.find(({ name }) => name === 'car/raw')?.id ?? 0;
  const blocks = db.blocksHolding(raw, 1, 0, Number.MAX_SAFE_INTEGER).sort((a, b) => a.firstSequence - b.firstSequence);
  const [, second, , fourth] = blocks;
  t.ok(blocks.length > 4);
  db.close();
  const damage = new Database(storePaths(store.dir).blocks);
  const spoil = damage.prepare("UPDATE packs SET bytes = x'00' WHERE position = ?");
  for (const block of [second, fourth]) spoil.run(block?.firstPosition);
  damage.close();
  store.redecode(source(store, CAR_DBC));
  const isMissing = (bits: string) => {
    const time = Number(bits.split(' ')[0]);
    return [second, fourth].some((block) => block !== undefined && time >= block.timeMin && time <= block.timeMax);
  };
  const expected = wrong.map((bits, i) => (isMissing(bits) ? bits : right[i]));
  t.ok(expected.some((bits, i) => bits !== right[i]));
  t.equal(
    store.ask((telemetry) => bitsOf(telemetry, 'car/Engine/Speed').join()),
    expected.join(),
  );
});

t.test('what the store already shows of a sealed past is decoded anew as well', async (t) => {
  const store = await taken(t, WRONG);
  store.seal();
  store.redecode(source(store, CAR_DBC));
  const expected = await liveRight;
  store.ask((telemetry) => sameBits(t, decodedBits(telemetry), expected, 'newest'));
});

t.test('nothing is decoded anew while a process has the store open', async (t) => {
  const store = await taken(t, WRONG, 100);
  const unlock = lockStore(store.dir);
  t.throws(() => store.redecode(source(store, CAR_DBC)), {
    code: 'store-unusable',
    message: /another process has this store open/,
  });
  unlock();
  t.equal(store.redecode(source(store, CAR_DBC)).length, 1);
});

t.test('what cannot be made anew as asked is refused, and nothing changes', async (t) => {
  const store = await taken(t, WRONG, 100);
  const before = store.ask((telemetry) => decodedBits(telemetry));
  const refused = (car: object, request: object, what: RegExp) =>
    t.throws(() => store.redecode(car, request), { code: 'derivation-refused', message: what });
  refused(source(store, CAR_DBC), { source: 'bus' }, /no source is named bus/);
  const asText = { type: 'health' };
  refused(asText, {}, /source car is health, expected can or serial/);
  t.throws(() => store.redecode(source(store, 'BO_ nonsense')), { code: 'config-invalid' });
  t.same(store.redecode(source(store, CAR_DBC), { span: { from: 0, to: 1 } }), [], 'nothing lies in that stretch');
  store.ask((telemetry) => {
    sameBits(t, decodedBits(telemetry), before, 'after');
    t.same(telemetry.versions(), []);
  });
  const without = new RawStore(t);
  without.file('log', log(100));
  await without.takeIn(t, source(without, WRONG, { raw: false }));
  t.throws(() => without.redecode(source(without, CAR_DBC)), {
    code: 'derivation-refused',
    message: /source car has kept nothing raw/,
  });
});

t.test('a run that is killed leaves nothing to be seen, wherever it is, and the next one is version 1', async (t) => {
  const store = await taken(t, WRONG);
  const before = store.ask((telemetry) => decodedBits(telemetry));
  store.configure(source(store, CAR_DBC));
  const commands = join(import.meta.dirname, '../../../gateway/commands');
  for (const killAt of [1, 3, 5]) {
    const script = `
      import { requireConfig } from '${commands}/config.js';
      import { redecodeStore } from '${commands}/redecode-store.js';
      let runs = 0;
      redecodeStore(requireConfig('${store.configFile}'), {
        source: 'car', span: { from: -Infinity, to: Infinity }, now: 0, onProblem: () => {},
        onProgress: () => { runs += 1; if (runs === ${killAt}) process.kill(process.pid, 'SIGKILL'); },
      });`;
    const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    t.equal(signal, 'SIGKILL', stderr);
    store.ask((telemetry) => {
      sameBits(t, decodedBits(telemetry), before, `killed at ${killAt}`);
      t.same(telemetry.versions(), []);
    });
  }
  t.match(store.redecode(source(store, CAR_DBC)), [{ version: 1 }]);
});

t.test('the commands say what was made, and show each version', async (t) => {
  const store = await taken(t, WRONG);
  store.configure(source(store, CAR_DBC));
  const made = await caisson('redecode', store.configFile, '--source', 'car');
  t.equal(made.code, 0, made.stderr);
  t.match(made.stdout, /^version 1 of boot [0-9a-f]{16}: \d+ samples of 5 channels from 20000 raw samples\n$/);
  const again = await caisson(
    'redecode',
    store.configFile,
    '--source',
    'car',
    '--json',
    '--to',
    '2020-09-13T12:26:41Z',
  );
  t.match(JSON.parse(again.stdout), { version: 2, raw: 2000 });
  const nothing = await caisson('redecode', store.configFile, '--source', 'car', '--from', '2021-01-01');
  t.match(nothing, { code: 0, stdout: '', stderr: /nothing that car kept raw lies in that stretch/ });
  t.equal((await caisson('redecode', store.configFile)).code, 2);
  t.equal(
    (await caisson('redecode', store.configFile, '--source', 'car', '--from', '2022-01-01', '--to', '2021-01-01')).code,
    2,
  );
  t.match(await caisson('redecode', store.configFile, '--source', 'bus'), {
    code: 1,
    stderr: /no source is named bus/,
  });

  const telemetry = StoreTelemetry.open(store.dir);
  const feed = BlockReader.openReadonly(storePaths(store.dir).blocks);
  const server = await startTelemetryServer({
    host: '127.0.0.1',
    port: 0,
    telemetry,
    feed,
    status: exampleStatus,
    storeDir: store.dir,
  });
  t.teardown(async () => {
    await server.stop();
    telemetry.close();
    feed.close();
  });
  const at = ['--server', `127.0.0.1:${server.port}`];
  const [from, to] = [String(START), String(START + 10 * GAP)];
  const query = (...more: string[]) =>
    caisson('query', 'car/Engine/Speed', '--from', from, '--to', to, '--csv', ...at, ...more);
  const rows = async (...more: string[]) => (await query(...more)).stdout.trim().split('\n').slice(1);
  t.equal((await rows()).length, 5);
  t.same(await rows('--version', '2'), await rows());
  t.notSame(await rows('--version', '0'), await rows());
  t.match(await query('--version', '99'), {
    code: 1,
    stdout: '',
    stderr:
      /there is no version 99 of the past of \w+, but 0, as it was taken in, to 2\n {2}`caisson channels` lists the versions/,
  });
  const exported = await caisson(
    'export',
    'car/Engine/Speed',
    '--store',
    store.dir,
    '--version',
    '99',
    '--output',
    '-',
    '--format',
    'csv',
  );
  t.match(exported, { code: 1, stderr: /there is no version 99 / });
  t.match(await query('--version', 'old'), { code: 2, stderr: /--version is 'old', expected a whole number/ });
  const pixels = async (...more: string[]) => (await query('--pixels', '3', ...more)).stdout;
  t.not(await pixels('--version', '0'), await pixels());
  const channels = await caisson('channels', 'engine/speed', ...at);
  t.match(channels.stdout, /^CHANNEL .* VERSIONS .*\ncar\/Engine\/Speed .* 0,1,2\n/);
  const json = await caisson('channels', 'raw', '--json', ...at);
  t.match(JSON.parse(json.stdout), { name: 'car/raw', versions: [] });
});

t.test(
  'bytes of a serial line are decoded anew from the beginning of their boot, and kept where they were asked for',
  async (t) => {
    const sentence = (body: string) => {
      const sum = [...body].reduce((total, character) => total ^ character.charCodeAt(0), 0);
      return `$${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
    };
    const lines = Array.from({ length: 400 }, (_, n) => {
      const clock = `12${String(Math.floor(n / 60)).padStart(2, '0')}${String(n % 60).padStart(2, '0')}`;
      const date = n === 0 ? '130920' : '';
      return (
        sentence(`GPRMC,${clock}.00,A,4916.45,N,12311.12,W,${(n % 50).toFixed(1)},054.7,${date},,`) +
        sentence(`SDDPT,${(n / 10).toFixed(1)},0.5`) +
        sentence(`IIMTW,${n % 20}.0,C`)
      );
    });
    const source = (store: RawStore, talkers: string[]) => {
      const port = { log: store.file('log', lines.join('')) };
      return { type: 'serial', port, talkers, timestamp: 'device', raw: true };
    };
    const store = new RawStore(t);
    await store.takeIn(t, source(store, ['II']));
    const other = new RawStore(t);
    await other.takeIn(t, source(other, []));
    const expected = other.ask((telemetry) => bitsOf(telemetry, 'car/speed'));
    t.equal(expected.length, 400);
    const at = (n: number) => START - (START % 86_400e6) + (12 * 3600 + n) * 1e6;
    const span = { from: at(100), to: at(300) };
    const [made] = store.redecode(source(store, []), { span });
    t.match(made, { raw: 1200, version: 1 });
    store.ask((telemetry) => {
      t.same(bitsOf(telemetry, 'car/speed'), expected.slice(100, 300), 'the date was told before, and only once');
      t.equal(bitsOf(telemetry, 'car/water/temperature', 0).length, 400);
      t.equal(bitsOf(telemetry, 'car/water/temperature').length, 400);
    });
    store.redecode(source(store, []));
    store.ask((telemetry) => {
      t.same(bitsOf(telemetry, 'car/speed'), expected);
      t.equal(bitsOf(telemetry, 'car/depth/transducer').length, 400);
    });
    t.throws(() => store.redecode({ ...source(store, []), timestamp: 'arrival' }), {
      code: 'derivation-refused',
      message: /car\/.* would be number with stamp arrival, but it was taken in as number with stamp device/,
    });
  },
);

t.test(
  'a recorded drive, taken in by the wrong files and decoded anew, is bit for bit what the right files give live',
  { skip: rav4File('toyota_adas.dbc') === '' && 'no recording of the RAV4' },
  async (t) => {
    const store = new RawStore(t);
    const other = new RawStore(t);
    const config = rav4Source();
    const wrong = { can0: { name: 'powertrain', dbc: [rav4File('toyota_2017_ref_pt.dbc')] } };
    await store.takeIn(t, { ...config, interfaces: wrong, raw: true });
    await other.takeIn(t, config);
    const asTaken = store.ask((telemetry) => decodedBits(telemetry));
    store.redecode({ ...config, raw: true });
    const expected = other.ask((telemetry) => decodedBits(telemetry));
    t.ok(expected.size > 300, `${expected.size} channels`);
    store.ask((telemetry) => {
      const newest = decodedBits(telemetry);
      const old = decodedBits(telemetry, 0);
      const left = [...newest.keys()].filter((name) => !expected.has(name));
      t.ok(left.length > 0, `${left.length} channels that the right files do not have`);
      for (const name of left) {
        t.same(newest.get(name), old.get(name), `${name} stays as it was taken in`);
        newest.delete(name);
      }
      sameBits(t, newest, expected, 'newest');
      for (const [name, bits] of old) if (bits.length === 0) old.delete(name);
      sameBits(t, old, asTaken, 'version 0');
    });
  },
);
