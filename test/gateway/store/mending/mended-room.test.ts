import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { BlockReader } from '../../../../gateway/store/block-reader.ts';
import { salvageBlocks } from '../../../../gateway/store/mending/salvage-blocks.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import { fillDisk, skipSmallDisk, smallDisk } from '../../small-disk.ts';
import { wholeStore } from '../check/whole-store.ts';
import { openAsGateway, overwritePages, samplesByName } from './damaged-stores.ts';

const SEGMENT_BYTES = 64 * 1024;

/** Enough for the folder that the damaged database goes to, and for no other database. */
const LITTLE_BYTES = 64 * 1024;

const rig = wholeStore();
rig.close();
t.teardown(() => rmSync(rig.dir, { recursive: true }));

t.test('where there is no room for all, the newest packs are kept, and the others are told as set aside', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-room-'));
  const to = join(folder, 'new.db');
  const whole = BlockReader.openReadonly(storePaths(rig.dir).blocks);
  const packs = whole.packsAfter(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  whole.close();
  const newest = packs.slice(Math.floor(packs.length / 2));
  const bytesMax = newest.reduce((sum, { size }) => sum + size, 0);
  const { kept, lost, left } = salvageBlocks({ dir: rig.dir, journalDir: rig.dir, to, bytesMax });
  t.equal(lost, 0);
  t.ok(kept > 0 && left > 0, `${kept} kept, ${left} left`);
  const blocks = BlockReader.openReadonly(to);
  t.equal(blocks.packsAfter(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER).length, newest.length);
  const gaps = blocks.gapsAfter(0).filter(({ cause }) => cause === 'set-aside');
  t.equal(
    gaps.reduce((sum, { count }) => sum + count, 0),
    left,
  );
  t.ok(Math.max(...gaps.map(({ to: end }) => end)) < (blocks.newest(1)?.timeMax ?? 0), 'they are the oldest');
  blocks.close();
  rmSync(folder, { recursive: true });
});

t.test('on a full disk a damaged store waits for room, and loses nothing', { skip: skipSmallDisk }, async (t) => {
  const disk = smallDisk(t, 8);
  const dir = join(disk, 'data');
  cpSync(rig.dir, dir, { recursive: true });
  const { blocks } = storePaths(dir);
  overwritePages(blocks, [0], new Random(1));
  const damaged = readFileSync(blocks);
  const filler = join(disk, 'filler');
  fillDisk(filler);
  await t.rejects(openAsGateway(dir, { segmentBytes: SEGMENT_BYTES }), { code: 'store-unusable', retryable: true });
  t.ok(readFileSync(blocks).equals(damaged), 'the damaged database is where and as it was');
  truncateSync(filler, statSync(filler).size - LITTLE_BYTES);
  await t.rejects(openAsGateway(dir, { segmentBytes: SEGMENT_BYTES }), { code: 'store-failed', message: /of room/ });
  t.ok(readFileSync(join(dir, 'damaged-1', 'blocks.db')).equals(damaged), 'nor has it changed where it is set aside');
  rmSync(filler);
  const host = await openAsGateway(dir, { segmentBytes: SEGMENT_BYTES });
  await host.stop();
  const whole = samplesByName(rig.dir);
  const after = samplesByName(dir);
  for (const [name, samples] of whole) t.same(new Set(after.get(name)), new Set(samples), name);
  t.ok(statSync(blocks).size > 0);
});
