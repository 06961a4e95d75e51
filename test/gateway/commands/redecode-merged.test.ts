/** Decoding anew over a store whose small blocks were merged into large ones: before it, after it, and between two versions. */
import { cpSync } from 'node:fs';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { bitsOf, CAR_DBC, decodedBits, RawStore } from './raw-store.ts';
import { mergeAll, takeInPieces } from './raw-store-pieces.ts';

/** What it was taken in with, and what it is decoded with afterwards: other gains, other bits, messages that come and go. */
const DBCS = {
  taken: CAR_DBC.replace('0|16@1+ (0.25,0)', '4|16@1+ (0.5,0)').split('BO_ 257')[0] ?? '',
  right: CAR_DBC,
  other: CAR_DBC.replace('(0.25,0)', '(1e-3,7)').replace('16|4@1+', '17|3@1+'),
} as const;

const START = 1_600_000_000_000_000;
const FRAMES = 600;
/** Time between two frames, microseconds. */
const GAP = 500;
const BOOTS = 2;

/** Frames of two messages in turn; now and then one comes late by its own stamp. */
function log(boot: number): string {
  const lines: string[] = [];
  for (let n = 0; n < FRAMES; n += 1) {
    const word = ((n * 7919) & 0xffff).toString(16).padStart(4, '0').toUpperCase();
    const data = n % 2 === 0 ? `100#${word}0${1 + ((n >> 6) & 1)}${word.slice(0, 2)}` : `101#${word}`;
    const time = START + (boot * FRAMES + n - (n % 50 === 49 ? 30 : 0)) * GAP;
    lines.push(`(${(time / 1e6).toFixed(6)}) can0 ${data}\n`);
  }
  return lines.join('');
}

function source(store: RawStore, dbc: keyof typeof DBCS, timestamp: Stamp) {
  return {
    ...{ type: 'can', bus: { log: store.file('log'), speed: 'max' }, timestamp, raw: true },
    dbc: [store.file('car.dbc', DBCS[dbc])],
  };
}

type Stamp = 'arrival' | 'device';

/** Two boots of small packs, each with a place where raw frames were lost. */
async function inSmallPacks(dbc: keyof typeof DBCS, timestamp: Stamp): Promise<RawStore> {
  const store = new RawStore(t);
  for (let boot = 0; boot < BOOTS; boot += 1) {
    store.file('log', log(boot));
    await takeInPieces(store, source(store, dbc, timestamp), 25 - boot, [310, 311]);
  }
  return store;
}

const TAKEN = { device: inSmallPacks('taken', 'device'), arrival: inSmallPacks('taken', 'arrival') };

/** What a live decode with the right DBC gives. */
const LIVE = inSmallPacks('right', 'device').then((store) => store.ask((telemetry) => decodedBits(telemetry)));

function copyOf(t: Test, store: RawStore): RawStore {
  const copy = new RawStore(t);
  cpSync(store.folder, copy.folder, { recursive: true });
  return copy;
}

/** All that a store shows, in each version, and what its ledger says, as text that differs where a bit does. */
function shownBy(store: RawStore): readonly string[] {
  return store.ask((telemetry) => {
    const names = new Map(telemetry.channels().map(({ id, name }) => [id, name]));
    const versions = [0, ...telemetry.versions().map(({ version }) => version)];
    const samples = [...new Set(versions)].map((version) => [version, [...decodedBits(telemetry, version)]]);
    const latest = [...names].map(([id, name]) => [name, telemetry.latest(id)]);
    const charts = [...names].flatMap(([id, name]) => (name.endsWith('raw') ? [] : [[name, chartOf(telemetry, id)]]));
    const ledger = telemetry.ledger().map(({ channel, taken, kept, lost, derived }) => {
      return [names.get(channel), taken, kept, lost, derived];
    });
    const raw = bitsOf(telemetry, 'car/raw');
    return [...samples, raw, latest, charts, ledger].map((part) => JSON.stringify(part));
  });
}

function chartOf(telemetry: StoreTelemetry, id: number): unknown {
  const [from, to] = [START - 1e6, START + 4e6];
  return JSON.stringify(telemetry.envelope(id, from, to, 37), (_, value) => (Number.isNaN(value) ? 'NaN' : value));
}

type Step =
  | { readonly kind: 'merge' }
  | { readonly kind: 'redecode'; readonly dbc: 'right' | 'other'; readonly from: number; readonly to: number };

const place = fc.integer({ min: 0, max: BOOTS * FRAMES });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant({ kind: 'merge' as const }),
  fc.record({
    kind: fc.constant('redecode' as const),
    dbc: fc.constantFrom('right' as const, 'other' as const),
    from: fc.oneof(fc.constant(0), place),
    to: fc.oneof(fc.constant(BOOTS * FRAMES), place),
  }),
);

for (const timestamp of ['device', 'arrival'] as const) {
  t.test(
    `what is decoded anew does not depend on what was merged before and between, stamped ${timestamp}`,
    async (t) => {
      const taken = await TAKEN[timestamp];
      // Box time of the first frame; frames of a recording keep their distances.
      const times = taken.ask((telemetry) => bitsOf(telemetry, 'car/raw').map((bits) => Number(bits.split(' ')[0])));
      const [first, last] = [Math.min(...times), Math.max(...times)];
      const at = (frame: number) => first + Math.round(((last + 1 - first) * frame) / (BOOTS * FRAMES));
      let merges = 0;
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), (steps) => {
          const [merged, plain] = [copyOf(t, taken), copyOf(t, taken)];
          for (const step of [{ kind: 'merge' } as const, ...steps, { kind: 'merge' } as const]) {
            if (step.kind === 'merge') {
              merges += mergeAll(t, merged);
              continue;
            }
            const span = { from: at(Math.min(step.from, step.to)), to: at(Math.max(step.from, step.to)) + 1 };
            const made = [merged, plain].map((store) => {
              const redecoded = store.redecode(source(store, step.dbc, timestamp), { span });
              return redecoded.map(({ boot: _, ...rest }) => rest);
            });
            if (!t.same(made[0], made[1], 'the same was made')) return false;
          }
          const isSame = t.same(shownBy(merged), shownBy(plain), JSON.stringify(steps));
          return isSame && t.same(merged.faults(), [], 'nothing is wrong with the merged store');
        }),
        { numRuns: 6 },
      );
      t.ok(merges > 30, `${merges} packs were made by merging`);
    },
  );
}

t.test('decoded anew after a merge, the past is what a live decode with the right DBC gives', async (t) => {
  const store = copyOf(t, await TAKEN.device);
  const before = store.ask((telemetry) => decodedBits(telemetry));
  t.ok(mergeAll(t, store) > 10);
  store.redecode(source(store, 'right', 'device'));
  t.equal(mergeAll(t, store), 0, 'what was made is in large blocks');
  const expected = await LIVE;
  store.ask((telemetry) => {
    const [newest, old] = [decodedBits(telemetry), decodedBits(telemetry, 0)];
    t.same([...newest.keys()], [...expected.keys()]);
    for (const [name, bits] of expected) t.equal(newest.get(name)?.join(), bits.join(), name);
    for (const [name, bits] of before) t.equal(old.get(name)?.join(), bits.join(), `${name} as it was taken in`);
  });
});

t.test('where merged raw frames were given up, what was taken in is shown', async (t) => {
  const store = copyOf(t, await TAKEN.device);
  t.ok(mergeAll(t, store) > 10);
  const blocks = BlockDb.open(storePaths(store.dir).blocks);
  const given = blocks.transaction(() => blocks.giveUp('bulk', 'thin', 'retention', (_, done) => done.packs < 1));
  blocks.close();
  t.equal(given, 1, 'one pack of raw frames');
  const old = store.ask((telemetry) => bitsOf(telemetry, 'car/Engine/Speed'));
  const raw = store.ask((telemetry) => bitsOf(telemetry, 'car/raw').map((bits) => Number(bits.split(' ')[0])));
  t.ok(raw.length > FRAMES && raw.length < BOOTS * FRAMES, `${raw.length} raw frames are left`);
  store.redecode(source(store, 'right', 'device'));
  const right = (await LIVE).get('car/Engine/Speed') ?? [];
  const from = Math.min(...raw);
  const timeOf = (bits: string) => Number(bits.split(' ')[0]);
  const expected = [...old.filter((bits) => timeOf(bits) < from), ...right.filter((bits) => timeOf(bits) >= from)];
  store.ask((telemetry) => t.same(bitsOf(telemetry, 'car/Engine/Speed').sort(), expected.sort()));
  t.same(store.faults(), []);
});
