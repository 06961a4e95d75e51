import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BlockDb, type FeedItem } from '../../../gateway/store/block-db.ts';
import { encodePack, type PackBlock } from '../../../gateway/store/pack/encode-pack.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { Keeper, type NewBlock } from '../../../sync/central/keeper.ts';
import { contentOf } from '../../gateway/store/block/vectors.ts';
import { FilledStore } from '../filled-store.ts';
import { blocksOf, definitionsOf, feedOf, gapsOf } from '../same-feed.ts';

const BOX = { role: 'gateway', gateway: 'box' } as const;

interface Bench {
  readonly source: FilledStore;
  readonly db: BlockDb;
  readonly keeper: Keeper;
  readonly problems: string[];
  readonly fresh: NewBlock[];
  /** Everything the source has. */
  items(): FeedItem[];
  keep(items: readonly FeedItem[], complete?: boolean): ReturnType<Keeper['keep']>;
}

function bench(t: Test): Bench {
  const dirs = ['box', 'central'].map((name) => mkdtempSync(join(tmpdir(), `caisson-${name}-`)));
  const [boxDir = '', centralDir = ''] = dirs;
  const source = new FilledStore(boxDir, 'box', new Random(7));
  const db = BlockDb.open(storePaths(centralDir).blocks);
  t.teardown(() => {
    source.close();
    db.close();
    for (const dir of dirs) rmSync(dir, { recursive: true });
  });
  const problems: string[] = [];
  const fresh: NewBlock[] = [];
  const keeper = new Keeper(db, { onProblem: (text) => problems.push(text), onBlock: (block) => fresh.push(block) });
  return {
    source,
    db,
    keeper,
    problems,
    fresh,
    items: () => feedOf(source.db, 'box'),
    keep: (items, complete = true) => keeper.keep(BOX, { feed: 'f', items, complete }),
  };
}

t.test('keeps everything once, however often and in whatever portions it comes', async (t) => {
  const { source, db, keeper, keep, items, fresh } = bench(t);
  for (let i = 0; i < 120; i += 1) source.step();
  const all = items();
  for (const [first, end] of [
    [0, 30],
    [10, 60],
    [0, all.length],
    [0, all.length],
  ] as const)
    keep(all.slice(first, end), end === all.length);
  t.same(blocksOf(db, 'box'), blocksOf(source.db, 'box'));
  t.same(gapsOf(db, 'box'), gapsOf(source.db, 'box'));
  t.same(definitionsOf(db, 'box'), definitionsOf(source.db, 'box'));
  t.equal(keeper.resume(BOX).after, all.at(-1)?.position);
  t.equal(fresh.length, blocksOf(source.db, 'box').length, 'each block is announced once');
  t.match(keeper.counters, { conflicts: 0, holes: 0, known: 0 });
});

t.test('begins anew with another feed and still keeps nothing twice', async (t) => {
  const { source, db, keeper, keep, items } = bench(t);
  for (let i = 0; i < 40; i += 1) source.step();
  keep(items());
  keeper.keep(BOX, { feed: 'g', items: items(), complete: true });
  t.same(blocksOf(db, 'box'), blocksOf(source.db, 'box'));
  t.equal(keeper.counters.known, blocksOf(source.db, 'box').length);
  t.equal(keeper.resume(BOX).feed, 'g');
});

t.test('takes a hole as lost only when the other end has nothing more', async (t) => {
  const { source, db, keeper, keep, items, problems } = bench(t);
  source.seal('a', 'number', 10);
  source.lose('a', 5, false);
  source.seal('a', 'number', 10);
  const all = items();
  keep(all, false);
  t.same(gapsOf(db, 'box'), [], 'more may come');
  keep([], true);
  t.match(gapsOf(db, 'box'), [/ a 10\+5 not-received$/]);
  t.match(keeper.counters, { holes: 1, lost: 5 });
  t.match(problems, [/box never sent 5 samples/]);
  keep([], true);
  t.equal(keeper.counters.holes, 1, 'and only once');
  const [account] = db.accounts();
  t.match(account, { kept: 20, lost: 5, next: 25 });
});

t.test('keeps the stretch between two boots, which has a cause and no number of samples', async (t) => {
  const { source, db, keeper, keep, items, problems } = bench(t);
  source.seal('a', 'number', 10);
  source.lose('a', 0);
  source.startBoot();
  source.seal('a', 'number', 10);
  keep(items());
  t.same(gapsOf(db, 'box'), gapsOf(source.db, 'box'));
  t.match(gapsOf(db, 'box'), [/ a 10\+0 ring-full$/]);
  t.match(keeper.counters, { holes: 0, lost: 0 });
  t.same(problems, []);
});

t.test('remembers a hole through a restart', async (t) => {
  const { source, db, keep, items } = bench(t);
  source.lose('a', 3, false);
  source.seal('a', 'number', 10);
  keep(items(), false);
  new Keeper(db).keep(BOX, { feed: 'f', items: [], complete: true });
  t.match(gapsOf(db, 'box'), [/ a 0\+3 not-received$/]);
});

t.test('fills a hole with the gap that the gateway tells of after the block', async (t) => {
  const { source, db, keeper, keep, items } = bench(t);
  source.seal('a', 'number', 10);
  source.lose('a', 5, false);
  source.seal('a', 'number', 10);
  keep(items(), false);
  const { boot } = items().find((item) => item.kind === 'boot') ?? { boot: '' };
  const gap = { firstSequence: 10, count: 5, from: 1, to: 2, cause: 'ring-full' };
  keep([{ kind: 'gap', position: 1000, gateway: 'box', boot, channel: 'a', gap }]);
  t.match(gapsOf(db, 'box'), [/ a 10\+5 ring-full$/]);
  t.match(keeper.counters, { holes: 0, lost: 5 });
});

t.test('lets what was taken as lost come late, as blocks and as gaps with their true cause', async (t) => {
  const { source, db, keeper, keep, items } = bench(t);
  const late = [];
  source.seal('a', 'number', 10);
  source.lose('a', 5);
  late.push(items().at(-1));
  source.seal('a', 'number', 20);
  late.push(items().at(-1));
  source.lose('a', 7, false);
  source.seal('a', 'number', 10);
  const lateItems = late.filter((item) => item !== undefined);
  keep(items().filter((item) => !lateItems.some(({ position }) => position === item.position)));
  t.match(gapsOf(db, 'box'), [/ a 10\+32 not-received$/]);
  keep(lateItems.map((item, i) => ({ ...item, position: 2000 + i })));
  t.match(gapsOf(db, 'box'), [/ a 10\+5 ring-full$/, / a 35\+7 not-received$/]);
  const [account] = db.accounts();
  t.match(account, { kept: 40, lost: 12, next: 52 });
  t.equal(keeper.counters.lost, 32, 'counted lost when it was, whatever came later');
});

t.test('does not lose what it has when the gateway no longer has it', async (t) => {
  const { source, db, keep, items } = bench(t);
  source.seal('a', 'number', 10);
  const all = items();
  keep(all);
  const { boot } = all.find((item) => item.kind === 'boot') ?? { boot: '' };
  const gap = { firstSequence: 0, count: 15, from: 1, to: 2, cause: 'retention' };
  keep([{ kind: 'gap', position: 1000, gateway: 'box', boot, channel: 'a', gap }]);
  t.match(gapsOf(db, 'box'), [/ a 10\+5 retention$/]);
  t.same(blocksOf(db, 'box'), blocksOf(source.db, 'box'));
});

t.test('keeps a block with a known identity and other content apart, and reports it', async (t) => {
  const one = bench(t);
  const other = bench(t);
  one.source.seal('a', 'number', 10);
  other.source.seal('b', 'number', 1);
  other.source.seal('a', 'number', 10);
  one.keep(one.items());
  const forged = other
    .items()
    .filter((item) => item.kind === 'pack')
    .slice(1);
  one.keep(forged.map((item) => ({ ...item, position: 1000 })));
  t.match(one.keeper.counters, { conflicts: 1, blocks: 1 });
  t.match(one.problems, [/another block for a, boot \w+, samples 0 to 9/]);
  t.same(blocksOf(one.db, 'box'), blocksOf(one.source.db, 'box'));
});

t.test('keeps a block that overlaps a known one apart', async (t) => {
  const one = bench(t);
  const other = bench(t);
  for (const count of [10, 10]) one.source.seal('a', 'number', count);
  for (const count of [5, 10]) other.source.seal('a', 'number', count);
  one.keep(one.items());
  const [, overlapping] = other.items().filter((item) => item.kind === 'pack');
  t.not(overlapping, undefined);
  if (overlapping !== undefined) one.keep([{ ...overlapping, position: 1000 }]);
  t.match(one.keeper.counters, { conflicts: 1, blocks: 2 });
  t.match(one.db.accounts(), [{ kept: 20, lost: 0, next: 20 }]);
});

t.test(
  'keeps a pack that holds known and new blocks: the known are compared by content and not kept twice',
  async (t) => {
    const one = bench(t);
    one.source.sealPack(['a', 'b', 'c'], 'number', 10);
    const [pack] = one.items().filter((item) => item.kind === 'pack');
    if (pack === undefined) throw new Error('no pack');
    const { header, blocks } = contentOf(pack.bytes);
    const rest = one.items().filter((item) => item.kind !== 'pack');
    const packed = (position: number, ...parts: typeof blocks) => ({
      ...{ kind: 'pack' as const, position, bytes: encodePack(header, parts) },
    });
    const [a, b, c] = blocks as [PackBlock, PackBlock, PackBlock];
    one.keep([...rest, packed(1000, b)]);
    one.keep([{ ...pack, position: 1001 }]);
    t.match(one.keeper.counters, { blocks: 3, known: 1, conflicts: 0, samples: 30 });
    one.keep([packed(1002, c, b, a), packed(1003, a)]);
    t.match(one.keeper.counters, { blocks: 3, known: 5, conflicts: 0 });
    // Nothing but the content tells these apart: all that the index says of them is the same.
    const values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const d = { ...a, channel: 'd', values: Float64Array.from(values) };
    const swapped = { ...d, values: Float64Array.from(values, (value) => (value === 4 ? 5 : value === 5 ? 4 : value)) };
    one.keep([packed(1004, d), packed(1005, a, swapped), packed(1006, d)]);
    t.match(one.keeper.counters, { blocks: 4, known: 7, conflicts: 1, samples: 40 });
    t.match(one.db.accounts(), [{ kept: 10 }, { kept: 10 }, { kept: 10 }, { kept: 10 }]);
    t.same(
      one.fresh.map(({ block }) => block.channel),
      ['b', 'a', 'c', 'd'],
    );
  },
);

t.test('refuses a damaged block, wherever a bit has flipped, and keeps what stands before it', async (t) => {
  const { source, db, keeper, keep, items } = bench(t);
  source.seal('a', 'number', 10);
  source.seal('a', 'number', 10);
  const all = items();
  const last = all.at(-1);
  if (last?.kind !== 'pack') throw new Error('no pack');
  for (let at = 0; at < last.bytes.length; at += 1) {
    const bytes = Uint8Array.from(last.bytes);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
    const { refusal } = keep([...all.slice(0, -1), { ...last, bytes }]);
    t.match(refusal, { position: last.position, error: { code: 'block-invalid' } }, `byte ${at}`);
  }
  t.equal(blocksOf(db, 'box').length, 1);
  t.equal(keeper.resume(BOX).after, last.position - 1);
  t.equal(keep([last]).refusal, undefined);
  t.same(blocksOf(db, 'box'), blocksOf(source.db, 'box'));
});

t.test('takes a block whose channel was redefined since, before its definition', async (t) => {
  const { source, db, keep, items } = bench(t);
  source.seal('a/speed', 'number', 10);
  const block = items().filter((item) => item.kind !== 'channel');
  keep(block);
  const [provisional] = db.channelsAfter(0).channels;
  t.match(provisional, { name: 'a/speed', type: 'number', residency: 'local', source: 'a' });
  keep(
    items()
      .filter((item) => item.kind === 'channel')
      .map((item) => ({ ...item, position: 1000 })),
  );
  t.match(db.channelsAfter(0).channels, [{ id: provisional?.id, name: 'a/speed', residency: 'any', source: 'test' }]);
});

t.test('refuses what cannot be: another gateway, an unknown boot, a broken gap, positions that go back', async (t) => {
  const { source, db, keeper, items } = bench(t);
  source.seal('a', 'number', 10);
  source.lose('a', 5);
  const all = items();
  const kinds = (kind: FeedItem['kind']) => all.filter((item) => item.kind === kind);
  const [gap] = kinds('gap');
  if (gap?.kind !== 'gap') throw new Error('no gap');
  const cases: { what: string; peer?: typeof BOX | { role: 'gateway'; gateway: string }; items: FeedItem[] }[] = [
    { what: 'another gateway', peer: { role: 'gateway', gateway: 'other' }, items: all },
    { what: 'a block of an unknown boot', items: kinds('pack') },
    { what: 'a clock of an unknown boot', items: kinds('clock') },
    { what: 'a gap of an unknown boot', items: kinds('gap') },
    { what: 'a gap of nothing', items: [{ ...gap, gap: { ...gap.gap, count: 0 } }] },
    { what: 'a gap without times', items: [{ ...gap, gap: { ...gap.gap, from: Number.NaN } }] },
    { what: 'a gap beyond all numbers', items: [{ ...gap, gap: { ...gap.gap, firstSequence: 2 ** 53 } }] },
  ];
  for (const { what, peer = BOX, items: offered } of cases) {
    const { refusal } = keeper.keep(peer, { feed: 'f', items: offered, complete: true });
    t.match(refusal, { error: { code: 'peer-invalid' } }, what);
  }
  t.same(feedOf(db, 'box'), []);
  const { refusal } = keeper.keep(BOX, { feed: 'f', items: [...all.slice(0, 2), ...all.slice(0, 1)], complete: true });
  t.match(refusal, { error: { code: 'peer-invalid', message: /position 1 follows 2/ } });
});

t.test('a failed transaction leaves nothing behind, also not in memory', async (t) => {
  const { source, db, keeper, keep, items } = bench(t);
  const before = items();
  keep(before);
  source.seal('a', 'number', 10);
  const all = items();
  const block = all.filter((item) => item.kind === 'pack');
  const keepPack = db.keepPack.bind(db);
  db.keepPack = () => {
    throw new Error('disk full');
  };
  t.throws(() => keep(block), /disk full/);
  t.equal(feedOf(db, 'box').length, before.length);
  t.equal(keeper.resume(BOX).after, before.at(-1)?.position);
  db.keepPack = keepPack;
  keep(block);
  t.match(db.channelsAfter(0).channels, [{ id: db.blocksAfter(0)[0]?.channel, name: 'a' }]);
  keep(all.filter((item) => item.kind === 'channel').map((item) => ({ ...item, position: 1000 })));
  t.same(blocksOf(db, 'box'), blocksOf(source.db, 'box'));
  t.same(definitionsOf(db, 'box'), definitionsOf(source.db, 'box'));
});

t.test('gives up an item when it is told to', async (t) => {
  const { source, keeper, keep, items, db } = bench(t);
  source.seal('a', 'number', 10);
  source.seal('a', 'number', 10);
  const all = items();
  const damaged = all.map((item, i) =>
    item.kind === 'pack' && i === all.length - 2 ? { ...item, bytes: Buffer.from('x') } : item,
  );
  const { refusal } = keep(damaged);
  t.match(refusal, { position: all.at(-2)?.position });
  keeper.skip(BOX, 'f', refusal?.position ?? 0);
  keep(damaged);
  t.match(gapsOf(db, 'box'), [/ a 0\+10 not-received$/]);
  t.equal(blocksOf(db, 'box').length, 1);
});

/** The gateway gives up the samples of its oldest packs. */
function giveUp({ db }: FilledStore, packs: number): void {
  db.transaction(() => db.giveUp('standard', 'thin', 'disk-full', (_, done) => done.packs < packs));
}

t.test('hears of what the gateway gave up before it came, and takes it when it comes another way', async (t) => {
  const { source, db, keep, items } = bench(t);
  for (let i = 0; i < 3; i += 1) source.seal('a', 'number', 10);
  const whole = items();
  giveUp(source, 2);
  keep(items());
  t.match(gapsOf(db, 'box'), [/ a 0\+20 disk-full$/]);
  t.match(db.accounts(), [{ kept: 10, lost: 20, next: 30 }]);
  keep(whole.filter(({ kind }) => kind === 'pack').map((item, i) => ({ ...item, position: 1000 + i })));
  t.match(db.accounts(), [{ kept: 30, lost: 0, next: 30 }]);
  t.same(gapsOf(db, 'box'), []);
});

t.test('keeps what it has though the gateway gave it up: deleting at the edge deletes nothing here', async (t) => {
  const { source, db, keep, keeper, items } = bench(t);
  for (let i = 0; i < 3; i += 1) source.seal('a', 'number', 10);
  keep(items());
  giveUp(source, 3);
  keep(items());
  keeper.keep(BOX, { feed: 'told from the beginning', items: items(), complete: true });
  t.match(db.accounts(), [{ kept: 30, lost: 0, next: 30 }]);
  t.equal(blocksOf(db, 'box').length, 3);
});
