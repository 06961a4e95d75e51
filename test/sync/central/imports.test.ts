import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { ImportRig } from '../../gateway/commands/import-rig.ts';
import { bitsOf } from '../../gateway/commands/raw-store.ts';
import { blocksOf, definitionsOf } from '../same-feed.ts';

const PEER = { role: 'gateway', gateway: 'box' } as const;
const START_S = 1_600_000_000;

/** Nine seconds of a sample a millisecond, from a second on. */
function lines(second: number): string {
  const firstMs = (START_S + second) * 1000;
  return Array.from({ length: 9000 }, (_, n) => `m v=${(n * 7919) % 1000} ${firstMs + n}000000\n`).join('');
}

t.test('a central keeps what is imported, before and after it began to pull, like all else', async (t) => {
  const box = new ImportRig(t);
  const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
  const db = BlockDb.open(storePaths(dir).blocks);
  t.teardown(() => rmSync(dir, { recursive: true }));
  const keeper = new Keeper(new SqliteStore(db));
  // Times that overlap with the first, and the first once more.
  for (const [file, second] of [
    ['one.lp', 0],
    ['two.lp', 5],
    ['one.lp', 0],
  ] as const) {
    await box.import(box.file(file, lines(second)), { name: 'logger' });
    const feed = BlockReader.openReadonly(storePaths(box.dir).blocks);
    const items = feed.feed(db.cursor('box'), 10_000, Number.MAX_SAFE_INTEGER);
    if (items.length > 0) {
      const { refusal } = await keeper.keep(PEER, { feed: 'f', items, complete: true });
      t.equal(refusal, undefined);
    }
    t.same(blocksOf(db, 'box'), blocksOf(feed, 'box'), 'every block, once, in order, byte for byte');
    t.same(definitionsOf(db, 'box'), definitionsOf(feed, 'box'));
    feed.close();
  }
  db.close();
  t.equal(box.samples(), 18_000);
  const there = StoreTelemetry.open(dir);
  const [name = ''] = there.channels().map((channel) => channel.name);
  t.same(
    bitsOf(there, name),
    box.ask((telemetry) => bitsOf(telemetry, name)),
  );
  there.close();
});
