import { existsSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import t from 'tap';
import type { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { decodeEntries, encodeEntries, type IndexEntry } from '../../../gateway/store/index-entries.ts';
import { RosterBook } from '../../../gateway/store/roster.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { StoreRig } from './store-rig.ts';

/** A rig with channels that each have `count` samples a pack, all in one pack, `packs` times over. */
function filled(channels: number, packs: number, count = 4): StoreRig {
  const rig = new StoreRig(Array.from({ length: channels }, (_, i) => `c${i + 1}`));
  for (let pack = 0; pack < packs; pack += 1) {
    for (let i = 0; i < count; i += 1) {
      for (let id = 1; id <= channels; id += 1) rig.ring.writeSample(id, pack * 100 + i * 10, id * 1000 + pack);
    }
    rig.commit();
    rig.sealAll();
  }
  return rig;
}

function timesOf(telemetry: StoreTelemetry, channel: number): number[] {
  return [...telemetry.raw(channel, -1, 1e9)].flatMap(({ times }) => [...times]);
}

function positionsOf(rig: StoreRig): number[] {
  return [...new Set(rig.blocks.blocksAfter(0).map(({ position }) => position))];
}

t.test('channels sealed together are one pack and one row of the index', async (t) => {
  const rig = filled(5, 3);
  t.equal(positionsOf(rig).length, 3);
  t.equal(rig.blocks.blocksAfter(0).length, 15);
  t.equal(rig.blocks.totals.blocks, 15);
  rig.dispose();
});

t.test('a small pack costs the write-ahead log a few KiB', async (t) => {
  const rig = filled(5, 3);
  const written = () => statSync(`${storePaths(rig.dir).blocks}-wal`).size;
  const before = written();
  for (let pack = 3; pack < 13; pack += 1) {
    for (let id = 1; id <= 5; id += 1) rig.ring.writeSample(id, pack * 100, pack);
    rig.commit();
    rig.sealAll();
  }
  const each = (written() - before) / 10;
  t.ok(each > 1000 && each < 6000, `${each} bytes a pack`);
  rig.dispose();
});

t.test('a thinned pack keeps its envelope, and what cannot be read any more is told', async (t) => {
  const rig = filled(2, 3);
  const telemetry = rig.telemetry();
  const whole = telemetry.envelope(1, 0, 100, 1);
  rig.blocks.transaction(() => rig.blocks.giveUp('standard', 'thin', 'thinned', (_, { packs }) => packs < 1));
  for (const each of [telemetry, rig.telemetry()]) {
    t.same(timesOf(each, 1), [100, 110, 120, 130, 200, 210, 220, 230]);
    t.same(each.envelope(1, 0, 100, 1), whole, 'in one pixel it is what it was');
    t.match(each.gaps(1, 0, 1000), [{ firstSequence: 0, count: 4, from: 0, to: 30, cause: 'thinned' }]);
    t.match(each.ledger(), [
      { channel: 1, taken: 12, kept: 8, lost: 4 },
      { channel: 2, taken: 12, kept: 8, lost: 4 },
    ]);
    const spread = each.envelope(1, 0, 40, 4);
    t.same([...spread.count], [1, 1, 1, 1], 'every sample is counted once');
    t.same([...spread.min], [1000, 1000, 1000, 1000], 'no extreme is hidden');
    t.same([spread.first[0], spread.first[1], spread.last[3]], [1000, Number.NaN, 1000], 'what is not known is NaN');
    each.close();
  }
  rig.dispose();
});

t.test(
  'of samples at one time in packs of two series the first and the last taken in are told, through envelopes too',
  async (t) => {
    const rig = new StoreRig(['c1', 'c2', 'c3']);
    for (let round = 0; round < 32; round += 1) {
      const isWide = round % 4 === 0 || round % 4 === 3;
      for (const id of isWide ? [1, 2, 3] : [1]) rig.ring.writeSample(id, 5, round);
      rig.commit();
      rig.sealAll();
    }
    t.same(
      rig.blocks.roots(1).map(({ level }) => level),
      [1, 1],
    );
    const telemetry = rig.telemetry();
    const { count, first, last } = telemetry.envelope(1, 0, 10, 1);
    t.same([count[0], first[0], last[0]], [32, 0, 31]);
    telemetry.close();
    rig.dispose();
  },
);

t.test('a damaged pack costs its own blocks only, on every channel that has one in it', async (t) => {
  const rig = filled(3, 3);
  const [, second = 0] = positionsOf(rig);
  const db = new Database(`${rig.dir}/blocks.db`);
  const bytes = db.prepare('SELECT bytes FROM packs WHERE position = ?').pluck().get(second) as Buffer;
  for (let at = 0; at < bytes.length; at += 7) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    db.prepare('UPDATE packs SET bytes = ? WHERE position = ?').run(damaged, second);
    const problems: string[] = [];
    const telemetry = rig.telemetry((text) => problems.push(text));
    for (const id of [1, 2, 3]) t.same(timesOf(telemetry, id), [0, 10, 20, 30, 200, 210, 220, 230]);
    t.match(problems, [new RegExp(`^the pack at position ${second} is damaged, 12 samples of 3 channels`)]);
    t.match(telemetry.gaps(3, 0, 1000), [{ firstSequence: 4, count: 4, cause: 'block-damaged' }]);
    telemetry.close();
  }
  db.close();
  rig.dispose();
});

t.test('a store thread that dies between the steps of a seal loses nothing and seals nothing twice', async (t) => {
  const channels = 300;
  const rig = new StoreRig(
    Array.from({ length: channels }, (_, i) => `c${i}`),
    1 << 18,
  );
  for (let i = 0; i < 500; i += 1) for (let id = 1; id <= channels; id += 1) rig.ring.writeSample(id, i, id);
  rig.commit();
  rig.writer.sealOlderThan(rig.writer.nextRow);
  for (let step = 0; step < 3; step += 1) {
    t.ok(rig.writer.seal() > 0);
    rig.writer.trim();
    rig.restartThread();
    t.equal(rig.writer.unsealed() + rig.blocks.blocksAfter(0).reduce((sum, { count }) => sum + count, 0), 150_000);
    rig.writer.sealOlderThan(rig.writer.nextRow);
  }
  rig.sealAll();
  const telemetry = rig.telemetry();
  for (const { kept, lost } of telemetry.ledger()) t.same({ kept, lost }, { kept: 500, lost: 0 });
  telemetry.close();
  t.ok(existsSync(rig.dir));
  rig.dispose();
});

t.test('rosters are found again, and do not grow without end where channels meet ever differently', async (t) => {
  const book = new RosterBook();
  let made = 0;
  const place = (channels: readonly number[]) => {
    const choice = book.choose(channels);
    if ('roster' in choice) return choice.roster;
    t.ok(
      channels.every((channel) => choice.channels.includes(channel)),
      'the new roster has the channels',
    );
    made += 1;
    book.add(made, choice.channels);
    return made;
  };
  t.equal(place([1, 2, 3]), place([1, 2, 3]));
  t.equal(place([1, 2]), place([1, 2, 3]), 'what fills a roster by half goes into it');
  let state = 1;
  for (let i = 0; i < 3000; i += 1) {
    const channels = Array.from({ length: 64 }, (_, k) => k + 1).filter(() => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state < 2 ** 30;
    });
    if (channels.length > 0) place(channels);
  }
  t.ok(made < 200, `${made} rosters`);
});

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer().map((i) => i / 100),
  fc.float(),
);
const anyEntry: fc.Arbitrary<IndexEntry> = fc
  .record({
    ...{ block: fc.nat(255), count: fc.integer({ min: 1, max: 4096 }), firstSequence: fc.nat(), more: fc.nat(9) },
    ...{ times: fc.tuple(fc.maxSafeInteger(), fc.maxSafeInteger()), isText: fc.boolean() },
    ...{ min: anyNumber, max: anyNumber, first: anyNumber, last: anyNumber, sum: anyNumber },
  })
  .map(({ block, count, firstSequence, more, times, isText, ...values }) => {
    const [timeMin, timeMax] = [Math.min(...times), Math.max(...times)];
    const node = isText ? undefined : { count, timeMin, timeMax, ...values };
    return { block, count, firstSequence, endSequence: firstSequence + count + more, timeMin, timeMax, node };
  });

t.test('entries of the index keep every field, of any subset of a roster', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.option(anyEntry, { nil: undefined }), { minLength: 1, maxLength: 40 }), (entries) => {
      t.same(decodeEntries(encodeEntries(entries), entries.length), entries);
    }),
    { numRuns: 300 },
  );
});
