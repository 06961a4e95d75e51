import { Buffer } from 'node:buffer';
import Database from 'better-sqlite3';
import t from 'tap';
import { defineChannel } from '../../../gateway/channel.ts';
import type { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import type { LiveBatch } from '../../../gateway/query/telemetry.ts';
import { StoreRig } from '../store/store-rig.ts';

function valuesOf(telemetry: StoreTelemetry, channel: number): unknown[] {
  return [...telemetry.raw(channel, -1, 1e9)].flatMap(({ values }) => [...values]);
}

t.test('a seal between asking for samples and reading them shows none twice and none too few', async (t) => {
  const rig = new StoreRig(['a']);
  for (let i = 0; i < 10; i += 1) rig.ring.writeSample(1, i, i);
  rig.commit();
  const telemetry = rig.telemetry();
  const samples = telemetry.raw(1, 0, 100);
  rig.sealAll();
  t.same(
    [...samples].flatMap(({ values }) => [...values]),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  telemetry.close();
  rig.dispose();
});

t.test('a follower hears of a channel that is new with the samples themselves', async (t) => {
  const rig = new StoreRig(['a']);
  const telemetry = rig.telemetry();
  const heard: number[] = [];
  telemetry.follow(({ channel, values }: LiveBatch) => heard.push(channel, ...(values as Float64Array)));
  rig.writer.keepChannels([{ ...defineChannel({ name: 'b', source: 'rig' }), id: 2 }]);
  rig.ring.writeSample(2, 1, 7);
  rig.commit();
  telemetry.refresh();
  t.same(heard, [2, 7]);
  telemetry.close();
  rig.dispose();
});

t.test('a reader that slept while rows were sealed and deleted still knows the newest sample', async (t) => {
  const rig = new StoreRig(['a', 'b']);
  const telemetry = rig.telemetry();
  rig.ring.writeSample(1, 1, 1);
  rig.commit();
  t.same(telemetry.latest(1), { time: 1, value: 1 });
  rig.ring.writeSample(1, 2, 2);
  rig.commit();
  rig.sealAll();
  rig.ring.writeSample(2, 3, 3);
  rig.commit();
  rig.writer.trim();
  t.same(telemetry.latest(1), { time: 2, value: 2 });
  t.same(valuesOf(telemetry, 1), [1, 2]);
  telemetry.close();
  rig.dispose();
});

t.test('the newest sample is the one of a boot that does not know UTC yet, whoever asks', async (t) => {
  const rig = new StoreRig(['a']);
  const early = rig.telemetry();
  rig.writer.keepClock({ time: 1, offset: 5e6, error: 100, source: 'ntp' });
  rig.ring.writeSample(1, 10, 1);
  rig.commit();
  t.same(early.latest(1), { time: 5e6 + 10, value: 1 });
  rig.sealAll();
  rig.restartProcess();
  rig.ring.writeSample(1, 20, 2);
  rig.commit();
  const late = rig.telemetry();
  for (const telemetry of [early, late]) {
    t.same(telemetry.latest(1), { time: 20, value: 2 });
    telemetry.close();
  }
  rig.dispose();
});

t.test('samples of equal time are in the order in which they were taken in, across blocks too', async (t) => {
  // Each inner list is a block; the values count the samples as they were taken in.
  const cases = [
    {
      blocks: [
        [10, 20],
        [0, 10],
      ],
      expected: [2, 0, 3, 1],
    },
    { blocks: [[5, 5], [5], [5]], expected: [0, 1, 2, 3] },
    { blocks: [[10, 20], [0, 10], [10, 10], [5, 5], [10]], expected: [2, 6, 7, 0, 3, 4, 5, 8, 1] },
  ];
  for (const { blocks, expected } of cases) {
    const rig = new StoreRig(['a']);
    let taken = 0;
    for (const times of blocks) {
      for (const time of times) rig.ring.writeSample(1, time, taken++);
      rig.commit();
      rig.sealAll();
    }
    const telemetry = rig.telemetry();
    t.same(valuesOf(telemetry, 1), expected);
    telemetry.close();
    rig.dispose();
  }
});

t.test('more journal rows than one look takes are all seen by one query', async (t) => {
  const rig = new StoreRig(['a']);
  const telemetry = rig.telemetry();
  const heard: number[] = [];
  telemetry.follow(({ values }) => heard.push(...(values as Float64Array)));
  const values = Array.from({ length: 200 }, (_, i) => i);
  for (const value of values) {
    rig.ring.writeSample(1, value, value);
    rig.commit();
  }
  t.same(valuesOf(telemetry, 1), values);
  t.same(heard, values);
  telemetry.close();
  rig.dispose();
});

t.test('a damaged block costs only itself, is told once, and is a gap', async (t) => {
  for (const type of ['numbers', 'text']) {
    const rig = new StoreRig([type]);
    for (let block = 0; block < 3; block += 1) {
      for (let i = 0; i < 2; i += 1) {
        if (type === 'text') rig.ring.writeText(1, block * 10 + i, Buffer.from(`${block}${i}`));
        else rig.ring.writeSample(1, block * 10 + i, block * 10 + i);
      }
      rig.commit();
      rig.sealAll();
    }
    const db = new Database(`${rig.dir}/blocks.db`);
    db.exec('UPDATE packs SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) AS BLOB) WHERE ordinal = 1');
    db.close();
    const problems: string[] = [];
    const telemetry = rig.telemetry((text) => problems.push(text));
    for (const _ of [1, 2]) {
      t.same(valuesOf(telemetry, 1).map(Number), [0, 1, 20, 21]);
    }
    t.match(problems, [/^the pack at position \d+ is damaged, 2 samples of 1 channels cannot be read: PACK-/]);
    t.equal(problems.length, 1);
    t.match(telemetry.gaps(1, 0, 100), [{ firstSequence: 2, count: 2, from: 10, to: 11, cause: 'block-damaged' }]);
    t.match(telemetry.ledger(), [{ taken: 6, kept: 4, lost: 2 }]);
    if (type === 'numbers') t.same([...telemetry.envelope(1, 10, 12, 2).count], [0, 0]);
    telemetry.close();
    rig.dispose();
  }
});
