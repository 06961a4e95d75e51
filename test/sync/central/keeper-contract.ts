import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { StoredChannel } from '../../../gateway/query/telemetry.ts';
import type { FeedItem } from '../../../gateway/store/block-rows.ts';
import { PLACE_BOOTS_MAX } from '../../../gateway/store/feed.ts';
import { encodePack, type PackBlock } from '../../../gateway/store/pack/encode-pack.ts';
import type { SequenceAccount } from '../../../gateway/store/sequence-accounts.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import type { NewBlock } from '../../../sync/central/batch-pass.ts';
import type { BlockStore } from '../../../sync/central/block-store.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { contentOf } from '../../gateway/store/block/vectors.ts';
import { FilledStore } from '../filled-store.ts';
import { blocksIn, blocksOf, definitionsIn, definitionsOf, feedOf, gapsIn, gapsOf } from '../same-feed.ts';

const BOX = { role: 'gateway', gateway: 'box' } as const;

/** An empty store of blocks, and what a test sees of it. */
export interface StoreRig {
  readonly store: BlockStore;
  /** What is kept of a gateway, in the order in which it came to be. */
  feed(gateway: string): Promise<FeedItem[]>;
  accounts(): Promise<SequenceAccount[]>;
  channels(): Promise<StoredChannel[]>;
  /** Makes changes that keep a pack fail, after they have begun, until the returned function is called. */
  fail(): Promise<() => unknown>;
}

interface Bench {
  readonly source: FilledStore;
  readonly store: BlockStore;
  readonly keeper: Keeper;
  readonly problems: string[];
  readonly fresh: NewBlock[];
  /** Everything the source has. */
  items(): FeedItem[];
  keep(items: readonly FeedItem[], complete?: boolean): ReturnType<Keeper['keep']>;
  /** Everything that is kept of it. */
  kept(): Promise<FeedItem[]>;
  accounts(): Promise<SequenceAccount[]>;
  channels(): Promise<StoredChannel[]>;
  fail: StoreRig['fail'];
}

/**
 * What must hold over every store of blocks.
 * @param open makes an empty store, closed at the end of the test
 */
export async function keeperContract(t: Test, open: (t: Test) => Promise<StoreRig>): Promise<void> {
  async function bench(t: Test): Promise<Bench> {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
    const source = new FilledStore(dir, 'box', new Random(7));
    t.teardown(() => {
      source.close();
      rmSync(dir, { recursive: true });
    });
    const rig = await open(t);
    const { store } = rig;
    const problems: string[] = [];
    const fresh: NewBlock[] = [];
    const keeper = new Keeper(store, {
      onProblem: (text) => problems.push(text),
      onBlock: (block) => fresh.push(block),
    });
    return {
      ...{ source, store, keeper, problems, fresh },
      items: () => feedOf(source.db, 'box'),
      keep: (items, complete = true) => keeper.keep(BOX, { feed: 'f', items, complete }),
      kept: () => rig.feed('box'),
      accounts: () => rig.accounts(),
      channels: () => rig.channels(),
      fail: () => rig.fail(),
    };
  }

  await t.test('keeps everything once, however often and in whatever portions it comes', async (t) => {
    const { source, kept, keeper, keep, items, fresh } = await bench(t);
    for (let i = 0; i < 120; i += 1) source.step();
    const all = items();
    for (const [first, end] of [
      [0, 30],
      [10, 60],
      [0, all.length],
      [0, all.length],
    ] as const)
      await keep(all.slice(first, end), end === all.length);
    t.same(blocksIn(await kept()), blocksOf(source.db, 'box'));
    t.same(gapsIn(await kept()), gapsOf(source.db, 'box'));
    t.same(definitionsIn(await kept()), definitionsOf(source.db, 'box'));
    t.equal((await keeper.resume(BOX)).after, all.at(-1)?.position);
    t.equal(fresh.length, blocksOf(source.db, 'box').length, 'each block is announced once');
    t.match(keeper.counters, { conflicts: 0, holes: 0, known: 0 });
  });

  await t.test('a definition that comes ahead does not undo a later one that is kept with it', async (t) => {
    const { source, kept, keeper, items } = await bench(t);
    source.seal('a');
    source.redefine('a', 100);
    const early = items().filter(({ kind }) => kind === 'channel');
    source.redefine('a', 200);
    const ahead = { items: early, outlines: [], outlined: undefined };
    await keeper.keep(BOX, { feed: 'f', items: items(), complete: true, ahead });
    t.same(definitionsIn(await kept()), definitionsOf(source.db, 'box'));
    source.redefine('a', 300);
    const late = { ...ahead, items: items().filter(({ kind }) => kind === 'channel') };
    await keeper.keep(BOX, { feed: 'f', items: [], complete: false, ahead: late });
    t.same(definitionsIn(await kept()), definitionsOf(source.db, 'box'), 'and one that nothing came after counts');
  });

  await t.test('begins anew with another feed and still keeps nothing twice', async (t) => {
    const { source, kept, keeper, keep, items } = await bench(t);
    for (let i = 0; i < 40; i += 1) source.step();
    await keep(items());
    await keeper.keep(BOX, { feed: 'g', items: items(), complete: true });
    t.same(blocksIn(await kept()), blocksOf(source.db, 'box'));
    t.equal(keeper.counters.known, blocksOf(source.db, 'box').length);
    t.equal((await keeper.resume(BOX)).feed, 'g');
  });

  await t.test('remembers the last boots of a feed, and goes back in it without keeping anything twice', async (t) => {
    const { source, store, kept, keeper, keep, items, problems } = await bench(t);
    for (let i = 0; i < PLACE_BOOTS_MAX + 3; i += 1) {
      source.seal('a', 'number', 10);
      source.startBoot();
    }
    await keep(items());
    const { boots, after } = await new Keeper(store).resume(BOX);
    t.same(boots, source.db.bootsUpTo(after), 'also after a restart');
    t.equal(boots.length, PLACE_BOOTS_MAX);
    const [, second] = boots;
    await keeper.goBack(BOX, (second?.position ?? 0) - 1);
    t.match(await keeper.resume(BOX), { feed: 'f', after: (second?.position ?? 0) - 1, boots: boots.slice(0, 1) });
    await keep(items());
    t.same((await keeper.resume(BOX)).after, after);
    t.same(blocksIn(await kept()), blocksOf(source.db, 'box'));
    t.match(keeper.counters, { conflicts: 0, lost: 0, setBacks: 1 });
    t.same(problems, []);
  });

  await t.test('takes a hole as lost only when the other end has nothing more', async (t) => {
    const { source, kept, accounts, keeper, keep, items, problems } = await bench(t);
    source.seal('a', 'number', 10);
    source.lose('a', 5, false);
    source.seal('a', 'number', 10);
    const all = items();
    await keep(all, false);
    t.same(gapsIn(await kept()), [], 'more may come');
    await keep([], true);
    t.match(gapsIn(await kept()), [/ a 10\+5 not-received$/]);
    t.match(keeper.counters, { holes: 1, lost: 5 });
    t.match(problems, [/box never sent 5 samples/]);
    await keep([], true);
    t.equal(keeper.counters.holes, 1, 'and only once');
    const [account] = await accounts();
    t.match(account, { kept: 20, lost: 5, next: 25 });
  });

  await t.test('keeps the stretch between two boots, which has a cause and no number of samples', async (t) => {
    const { source, kept, keeper, keep, items, problems } = await bench(t);
    source.seal('a', 'number', 10);
    source.lose('a', 0);
    source.startBoot();
    source.seal('a', 'number', 10);
    await keep(items());
    t.same(gapsIn(await kept()), gapsOf(source.db, 'box'));
    t.match(gapsIn(await kept()), [/ a 10\+0 ring-full$/]);
    t.match(keeper.counters, { holes: 0, lost: 0 });
    t.same(problems, []);
  });

  await t.test('remembers a hole through a restart', async (t) => {
    const { source, kept, store, keep, items } = await bench(t);
    source.lose('a', 3, false);
    source.seal('a', 'number', 10);
    await keep(items(), false);
    await new Keeper(store).keep(BOX, { feed: 'f', items: [], complete: true });
    t.match(gapsIn(await kept()), [/ a 0\+3 not-received$/]);
  });

  await t.test('says when samples were taken of which nothing is left but the end of their boot', async (t) => {
    const { source, kept, accounts, store, keep, items } = await bench(t);
    source.lose('a', 3, false);
    source.lose('a', 0);
    const gap = items().find((item) => item.kind === 'gap')?.gap;
    await keep(items(), false);
    await new Keeper(store).keep(BOX, { feed: 'f', items: [], complete: true });
    t.match(gapsIn(await kept()), [/ a 0\+3 not-received$/, / a 3\+0 ring-full$/]);
    const [account] = await accounts();
    t.match(account, { kept: 0, lost: 3, next: 3 });
    const assumed = (await kept()).find((item) => item.kind === 'gap' && item.gap.cause === 'not-received');
    t.match(assumed, { gap: { from: gap?.from, to: gap?.from } });
  });

  await t.test('fills a hole with the gap that the gateway tells of after the block', async (t) => {
    const { source, kept, keeper, keep, items } = await bench(t);
    source.seal('a', 'number', 10);
    source.lose('a', 5, false);
    source.seal('a', 'number', 10);
    await keep(items(), false);
    const { boot } = items().find((item) => item.kind === 'boot') ?? { boot: '' };
    const gap = { firstSequence: 10, count: 5, from: 1, to: 2, cause: 'ring-full' };
    await keep([{ kind: 'gap', position: 1000, gateway: 'box', boot, channel: 'a', gap }]);
    t.match(gapsIn(await kept()), [/ a 10\+5 ring-full$/]);
    t.match(keeper.counters, { holes: 0, lost: 5 });
  });

  await t.test('lets what was taken as lost come late, as blocks and as gaps with their true cause', async (t) => {
    const { source, kept, accounts, keeper, keep, items } = await bench(t);
    const late = [];
    source.seal('a', 'number', 10);
    source.lose('a', 5);
    late.push(items().at(-1));
    source.seal('a', 'number', 20);
    late.push(items().at(-1));
    source.lose('a', 7, false);
    source.seal('a', 'number', 10);
    const lateItems = late.filter((item) => item !== undefined);
    await keep(items().filter((item) => !lateItems.some(({ position }) => position === item.position)));
    t.match(gapsIn(await kept()), [/ a 10\+32 not-received$/]);
    await keep(lateItems.map((item, i) => ({ ...item, position: 2000 + i })));
    t.match(gapsIn(await kept()), [/ a 10\+5 ring-full$/, / a 35\+7 not-received$/]);
    const [account] = await accounts();
    t.match(account, { kept: 40, lost: 12, next: 52 });
    t.equal(keeper.counters.lost, 32, 'counted lost when it was, whatever came later');
  });

  await t.test('does not lose what it has when the gateway no longer has it', async (t) => {
    const { source, kept, keep, items } = await bench(t);
    source.seal('a', 'number', 10);
    const all = items();
    await keep(all);
    const { boot } = all.find((item) => item.kind === 'boot') ?? { boot: '' };
    const gap = { firstSequence: 0, count: 15, from: 1, to: 2, cause: 'retention' };
    await keep([{ kind: 'gap', position: 1000, gateway: 'box', boot, channel: 'a', gap }]);
    t.match(gapsIn(await kept()), [/ a 10\+5 retention$/]);
    t.same(blocksIn(await kept()), blocksOf(source.db, 'box'));
  });

  await t.test('keeps a block with a known identity and other content apart, and reports it', async (t) => {
    const one = await bench(t);
    const other = await bench(t);
    one.source.seal('a', 'number', 10);
    other.source.seal('b', 'number', 1);
    other.source.seal('a', 'number', 10);
    await one.keep(one.items());
    const forged = other
      .items()
      .filter((item) => item.kind === 'pack')
      .slice(1);
    await one.keep(forged.map((item) => ({ ...item, position: 1000 })));
    t.match(one.keeper.counters, { conflicts: 1, blocks: 1 });
    t.match(one.problems, [/another block for a, boot \w+, samples 0 to 9/]);
    t.same(blocksIn(await one.kept()), blocksOf(one.source.db, 'box'));
  });

  await t.test('keeps a block that overlaps a known one apart', async (t) => {
    const one = await bench(t);
    const other = await bench(t);
    for (const count of [10, 10]) one.source.seal('a', 'number', count);
    for (const count of [5, 10]) other.source.seal('a', 'number', count);
    await one.keep(one.items());
    const [, overlapping] = other.items().filter((item) => item.kind === 'pack');
    t.not(overlapping, undefined);
    if (overlapping !== undefined) await one.keep([{ ...overlapping, position: 1000 }]);
    t.match(one.keeper.counters, { conflicts: 1, blocks: 2 });
    t.match(await one.accounts(), [{ kept: 20, lost: 0, next: 20 }]);
  });

  await t.test(
    'keeps a pack that holds known and new blocks: the known are compared by content and not kept twice',
    async (t) => {
      const one = await bench(t);
      one.source.sealPack(['a', 'b', 'c'], 'number', 10);
      const [pack] = one.items().filter((item) => item.kind === 'pack');
      if (pack === undefined) throw new Error('no pack');
      const { header, blocks } = contentOf(pack.bytes);
      const rest = one.items().filter((item) => item.kind !== 'pack');
      const packed = (position: number, ...parts: typeof blocks) => ({
        ...{ kind: 'pack' as const, position, bytes: encodePack(header, parts) },
      });
      const [a, b, c] = blocks as [PackBlock, PackBlock, PackBlock];
      await one.keep([...rest, packed(1000, b)]);
      await one.keep([{ ...pack, position: 1001 }]);
      t.match(one.keeper.counters, { blocks: 3, known: 1, conflicts: 0, samples: 30 });
      await one.keep([packed(1002, c, b, a), packed(1003, a)]);
      t.match(one.keeper.counters, { blocks: 3, known: 5, conflicts: 0 });
      // Nothing but the content tells these apart: all that the index says of them is the same.
      const values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
      const d = { ...a, channel: 'd', values: Float64Array.from(values) };
      const swapped = {
        ...d,
        values: Float64Array.from(values, (value) => (value === 4 ? 5 : value === 5 ? 4 : value)),
      };
      await one.keep([packed(1004, d), packed(1005, a, swapped), packed(1006, d)]);
      t.match(one.keeper.counters, { blocks: 4, known: 7, conflicts: 1, samples: 40 });
      t.match(await one.accounts(), [{ kept: 10 }, { kept: 10 }, { kept: 10 }, { kept: 10 }]);
      t.same(
        one.fresh.map(({ block }) => block.channel),
        ['b', 'a', 'c', 'd'],
      );
    },
  );

  await t.test('refuses a damaged block, wherever a bit has flipped, and keeps what stands before it', async (t) => {
    const { source, kept, keeper, keep, items } = await bench(t);
    source.seal('a', 'number', 10);
    source.seal('a', 'number', 10);
    const all = items();
    const last = all.at(-1);
    if (last?.kind !== 'pack') throw new Error('no pack');
    for (let at = 0; at < last.bytes.length; at += 1) {
      const bytes = Uint8Array.from(last.bytes);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      const { refusal } = await keep([...all.slice(0, -1), { ...last, bytes }]);
      t.match(refusal, { position: last.position, error: { code: 'block-invalid' } }, `byte ${at}`);
    }
    t.equal(blocksIn(await kept()).length, 1);
    t.equal((await keeper.resume(BOX)).after, last.position - 1);
    t.equal((await keep([last])).refusal, undefined);
    t.same(blocksIn(await kept()), blocksOf(source.db, 'box'));
  });

  await t.test('takes a block whose channel was redefined since, before its definition', async (t) => {
    const { source, channels, keep, items } = await bench(t);
    source.seal('a/speed', 'number', 10);
    const block = items().filter((item) => item.kind !== 'channel');
    await keep(block);
    const [provisional] = await channels();
    t.match(provisional, { name: 'a/speed', type: 'number', residency: 'local', source: 'a' });
    await keep(
      items()
        .filter((item) => item.kind === 'channel')
        .map((item) => ({ ...item, position: 1000 })),
    );
    t.match(await channels(), [{ id: provisional?.id, name: 'a/speed', residency: 'any', source: 'test' }]);
  });

  await t.test(
    'refuses what cannot be: another gateway, an unknown boot, a broken gap, positions that go back',
    async (t) => {
      const { source, kept, keeper, items } = await bench(t);
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
        const { refusal } = await keeper.keep(peer, { feed: 'f', items: offered, complete: true });
        t.match(refusal, { error: { code: 'peer-invalid' } }, what);
      }
      t.same(await kept(), []);
      const { refusal } = await keeper.keep(BOX, {
        feed: 'f',
        items: [...all.slice(0, 2), ...all.slice(0, 1)],
        complete: true,
      });
      t.match(refusal, { error: { code: 'peer-invalid', message: /position 1 follows 2/ } });
    },
  );

  await t.test('a failed transaction leaves nothing behind, also not in memory', async (t) => {
    const { source, kept, channels, keeper, keep, items, fresh, fail } = await bench(t);
    const before = items();
    await keep(before);
    source.seal('a', 'number', 10);
    const all = items();
    const block = all.filter((item) => item.kind === 'pack');
    const mend = await fail();
    await t.rejects(keep(block));
    t.equal((await kept()).length, before.length);
    t.equal((await keeper.resume(BOX)).after, before.at(-1)?.position);
    await mend();
    await keep(block);
    t.match(await channels(), [{ id: fresh.at(-1)?.channel, name: 'a' }]);
    await keep(all.filter((item) => item.kind === 'channel').map((item) => ({ ...item, position: 1000 })));
    t.same(blocksIn(await kept()), blocksOf(source.db, 'box'));
    t.same(definitionsIn(await kept()), definitionsOf(source.db, 'box'));
  });

  await t.test('gives up an item when it is told to', async (t) => {
    const { source, keeper, keep, items, kept } = await bench(t);
    source.seal('a', 'number', 10);
    source.seal('a', 'number', 10);
    const all = items();
    const damaged = all.map((item, i) =>
      item.kind === 'pack' && i === all.length - 2 ? { ...item, bytes: Buffer.from('x') } : item,
    );
    const { refusal } = await keep(damaged);
    t.match(refusal, { position: all.at(-2)?.position });
    await keeper.skip(BOX, 'f', refusal?.position ?? 0);
    await keep(damaged);
    t.match(gapsIn(await kept()), [/ a 0\+10 not-received$/]);
    t.equal(blocksIn(await kept()).length, 1);
  });

  await t.test(
    'hears of what the gateway gave up before it came, and takes it when it comes another way',
    async (t) => {
      const { source, kept, accounts, keep, items } = await bench(t);
      for (let i = 0; i < 3; i += 1) source.seal('a', 'number', 10);
      const whole = items();
      giveUp(source, 2);
      await keep(items());
      t.match(gapsIn(await kept()), [/ a 0\+20 disk-full$/]);
      t.match(await accounts(), [{ kept: 10, lost: 20, next: 30 }]);
      await keep(whole.filter(({ kind }) => kind === 'pack').map((item, i) => ({ ...item, position: 1000 + i })));
      t.match(await accounts(), [{ kept: 30, lost: 0, next: 30 }]);
      t.same(gapsIn(await kept()), []);
    },
  );

  await t.test(
    'keeps what it has though the gateway gave it up: deleting at the edge deletes nothing here',
    async (t) => {
      const { source, kept, accounts, keep, keeper, items } = await bench(t);
      for (let i = 0; i < 3; i += 1) source.seal('a', 'number', 10);
      await keep(items());
      giveUp(source, 3);
      await keep(items());
      await keeper.keep(BOX, { feed: 'told from the beginning', items: items(), complete: true });
      t.match(await accounts(), [{ kept: 30, lost: 0, next: 30 }]);
      t.equal(blocksIn(await kept()).length, 3);
    },
  );
}

/** The gateway gives up the samples of its oldest packs. */
function giveUp({ db }: FilledStore, packs: number): void {
  db.transaction(() => db.giveUp('standard', 'thin', 'disk-full', (_, done) => done.packs < packs));
}
