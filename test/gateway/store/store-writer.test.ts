import t from 'tap';
import { defineChannel } from '../../../gateway/channel.ts';
import { CHUNK_ROOM_MIN } from '../../../gateway/store/chunk-memory.ts';
import { nodeOf } from '../../../gateway/store/envelope-node.ts';
import { encodePack } from '../../../gateway/store/pack/encode-pack.ts';
import { GATEWAY, StoreRig } from './store-rig.ts';

function commitOneEach(rig: StoreRig, channels: number, time: number): void {
  for (let id = 1; id <= channels; id += 1) rig.ring.writeSample(id, time, id);
  rig.commit();
}

t.test('commits go on while more chunks than a queue holds are due at once', async (t) => {
  const channels = 5000;
  const rig = new StoreRig(
    Array.from({ length: channels }, (_, i) => `c${i}`),
    1 << 14,
  );
  commitOneEach(rig, channels, 1);
  rig.writer.sealOlderThan(rig.writer.nextRow);
  rig.writer.seal();
  rig.ring.writeSample(1, 2, 2);
  rig.ring.publish();
  t.equal(rig.writer.waiting(), 1);
  t.ok(rig.writer.hasSealBatch());
  rig.commit();
  // One pass through the channels is under way; the new sample is met by the next.
  rig.sealAll();
  rig.sealAll();
  t.equal(rig.writer.unsealed(), 0);
  rig.dispose();
});

t.test('commits go on while a backlog of the boot before waits to be sealed', async (t) => {
  const channels = 5000;
  const rig = new StoreRig(
    Array.from({ length: channels }, (_, i) => `c${i}`),
    1 << 14,
  );
  commitOneEach(rig, channels, 1);
  rig.restartProcess();
  t.equal(rig.writer.unsealed(), channels);
  rig.ring.writeSample(1, 2, 2);
  rig.ring.publish();
  t.equal(rig.writer.waiting(), 1);
  rig.commit();
  rig.sealAll();
  t.equal(rig.writer.unsealed(), 0);
  const telemetry = rig.telemetry();
  t.same(
    telemetry.ledger().map(({ kept }) => kept),
    Array.from({ length: channels }, (_, i) => (i === 0 ? 2 : 1)),
  );
  telemetry.close();
  rig.dispose();
});

t.test('drains no more than may be unsealed, until seals have caught up with what came first', async (t) => {
  const channels = 600;
  const halves = [1, channels / 2 + 1, channels + 1];
  // Room for the first half of the channels, but not for all of them.
  const rig = new StoreRig(
    Array.from({ length: channels }, (_, i) => `c${i}`),
    1 << 11,
    undefined,
    undefined,
    (channels * 3 * CHUNK_ROOM_MIN * 16) / 4,
  );
  for (const half of [0, 1]) {
    t.notOk(rig.writer.hasSealBatch());
    for (let id = halves[half] as number; id < (halves[half + 1] as number); id += 1)
      rig.ring.writeSample(id, half, id);
    rig.commit();
  }
  rig.ring.writeSample(1, 2, 1);
  rig.ring.publish();
  t.equal(rig.writer.waiting(), 0);
  t.ok(rig.writer.hasSealBatch());
  let sealed = 0;
  while (rig.writer.waiting() === 0) sealed += rig.writer.seal();
  t.ok(sealed > 0 && sealed <= channels / 2, `${sealed} chunks, small as they are`);
  t.equal(rig.writer.unsealed(), channels - sealed);
  t.ok(rig.blocks.roots(1).length === 1 && rig.blocks.roots(channels).length === 0, 'the oldest first');
  t.equal(rig.writer.sealWaits, 1);
  rig.commit();
  rig.sealAll();
  t.equal(rig.writer.unsealed(), 0);
  const telemetry = rig.telemetry();
  t.same(
    telemetry.ledger().map(({ kept, lost }) => kept + lost),
    Array.from({ length: channels }, (_, i) => (i === 0 ? 2 : 1)),
  );
  telemetry.close();
  rig.dispose();
});

t.test('a block never spans a change of its channel, of this boot or the one before', async (t) => {
  const rig = new StoreRig(['a', 'b']);
  commitOneEach(rig, 2, 1);
  rig.restartProcess();
  commitOneEach(rig, 2, 2);
  rig.writer.keepChannels([{ ...defineChannel({ name: 'a', source: 'rig', stamp: 'device' }), id: 1 }]);
  commitOneEach(rig, 2, 3);
  rig.sealAll();
  t.same(
    rig.blocks.roots(1).map(({ stamp, timeMin, timeMax }) => ({ stamp, timeMin, timeMax })),
    [
      { stamp: 'arrival', timeMin: 1, timeMax: 1 },
      { stamp: 'arrival', timeMin: 2, timeMax: 2 },
      { stamp: 'device', timeMin: 3, timeMax: 3 },
    ],
  );
  t.equal(rig.blocks.roots(2).length, 2, 'other channels are left alone');
  rig.dispose();
});

t.test('a chunk that contradicts a block is kept beside it, told, and stops nothing', async (t) => {
  const rig = new StoreRig(['a']);
  rig.ring.writeSample(1, 1, 1);
  rig.commit();
  const header = {
    gateway: GATEWAY,
    boot: '0'.repeat(16),
    stamp: 'arrival',
    clockSource: 'none',
    clockErrorUs: 0,
  } as const;
  const samples = { times: Float64Array.of(1), values: Float64Array.of(2) };
  const bytes = encodePack(header, [{ channel: 'a', type: 'number', firstSequence: 0, ...samples }]);
  const node = nodeOf(samples.times, samples.values, 0, 1);
  const block = { channel: 1, firstSequence: 0, count: 1, timeMin: 1, timeMax: 1, node };
  rig.blocks.transaction(() =>
    rig.blocks.keepPack({ boot: 1, stamp: 'arrival', class: 'standard', blocks: [block], bytes }),
  );
  rig.sealAll();
  t.match(rig.problems, [/a, boot 0{16}, sequence number 0 is in a block already, with other content/]);
  t.equal(rig.writer.unsealed(), 0);
  rig.dispose();
});
