import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { BlockDb } from '../../../gateway/store/block-db.ts';
import type { FeedItem } from '../../../gateway/store/block-rows.ts';
import { Pack } from '../../../gateway/store/pack/pack.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { FilledStore } from '../../sync/filled-store.ts';

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

/** Steps of a store until its channels were defined anew several times. */
const STEPS = 200;

/** Everything behind `after`, one item at a time. */
function follow(db: BlockDb, after: number): FeedItem[] {
  const items: FeedItem[] = [];
  for (;;) {
    const [item] = db.feed(items.at(-1)?.position ?? after, 1, Number.MAX_SAFE_INTEGER);
    if (item === undefined) return items;
    items.push(item);
  }
}

t.test('whoever follows from the beginning is told of a channel before its blocks, and of each change', async (t) => {
  t.comment(`CAISSON_TEST_SEED=${SEED}`);
  const dir = mkdtempSync(join(tmpdir(), 'caisson-feed-'));
  const store = new FilledStore(dir, 'car', new Random(SEED));
  t.teardown(() => {
    store.close();
    rmSync(dir, { recursive: true });
  });
  store.seal('car/channel0');
  const early = store.db.feed(0, 10, Number.MAX_SAFE_INTEGER).at(-1)?.position ?? 0;
  store.steps(STEPS);

  const told = new Set<string>();
  let redefined = 0;
  const untold = new Set<string>();
  for (const item of follow(store.db, 0)) {
    if (item.kind === 'channel') {
      if (told.has(item.definition.name)) redefined += 1;
      told.add(item.definition.name);
    }
    if (item.kind === 'gap' && !told.has(item.channel)) untold.add(item.channel);
    if (item.kind !== 'pack') continue;
    for (const { channel } of Pack.open(item.bytes).blocks) if (!told.has(channel)) untold.add(channel);
  }
  t.same([...untold], []);
  t.ok(redefined > 0, `${redefined} channels were told of twice`);
  const behind = follow(store.db, early);
  t.same(
    behind.map(({ position }) => position),
    behind.map(({ position }) => position).sort((a, b) => a - b),
    'in the order of their positions',
  );
});
