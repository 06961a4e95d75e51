import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { AskedTelemetry } from '../../../../gateway/query/telemetry.ts';
import type { FeedItem } from '../../../../gateway/store/block-rows.ts';
import { encodePack } from '../../../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../../../gateway/store/pack/pack.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import type { CentralStore } from '../../../../sync/central/central-store.ts';
import { Keeper } from '../../../../sync/central/keeper.ts';
import { limitedDays } from '../../../../sync/central/retention/retention-limits.ts';
import { retentionDays } from '../../../../sync/central/retention/retention-rules.ts';
import type { NewsItem, NewsPlace } from '../../../../sync/fanout/news.ts';
import { RangeDigests } from '../../../../sync/receipts/range-digests.ts';
import { bits, columnsOf } from '../../../gateway/store/merge/merge-look.ts';
import { FilledStore } from '../../filled-store.ts';
import { feedOf } from '../../same-feed.ts';
import { BOX, Days, retireAll } from '../retention/retention-contract.ts';

/** Packs of each series that come on one day: more than a window, so that some of each day are merged. */
const DAY_PACKS = 80;

/** Those of the day that is not over. */
const LAST_PACKS = 20;

/** In which a central merges by itself, milliseconds: it rests nine times as long as a step took, also where a busy machine made it long. */
export const MERGED_MS = 600_000;

/** A central that merges when it is told to. */
export interface MergingRig {
  readonly central: CentralStore;
  /** Merges all that may be; returns how many packs were made of others since it was opened. */
  merge(): Promise<number>;
  /** What the check of the store finds. */
  findings(): string[] | Promise<string[]>;
}

/** A gateway whose channels are slow: small packs, a gap, a boot. */
export class SlowBox {
  readonly store: FilledStore;

  constructor(t: Test, seed: number) {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
    const store = new FilledStore(dir, 'box', new Random(seed));
    this.store = store;
    t.teardown(() => {
      store.close();
      rmSync(dir, { recursive: true });
    });
  }

  fill(packs: number): void {
    for (let i = 0; i < packs; i += 1) {
      this.store.sealPack(['a', 'b'], 'number', 3);
      this.store.seal('text', 'text', 2);
      if (i === 50) this.store.lose('a', 5);
    }
  }

  get items(): FeedItem[] {
    return feedOf(this.store.db, 'box');
  }
}

/** Brings items to a central, some at a time. */
export async function bring(central: CentralStore, items: readonly FeedItem[], feed = 'f'): Promise<Keeper> {
  const keeper = new Keeper(central.blocks);
  for (let at = 0; at < items.length; at += 100) {
    const complete = at + 100 >= items.length;
    const { refusal } = await keeper.keep(BOX, { feed, items: items.slice(at, at + 100), complete });
    if (refusal !== undefined) throw refusal.error;
  }
  return keeper;
}

/** Three days of a slow box, the last of which is not over. */
export async function threeDays(box: SlowBox, days: Days, centrals: readonly CentralStore[]): Promise<void> {
  let sent = 0;
  for (let day = 0; day < 3; day += 1) {
    if (day > 0) days.pass(1);
    if (day === 1) box.store.startBoot();
    box.fill(day < 2 ? DAY_PACKS : LAST_PACKS);
    const news = box.items.slice(sent);
    sent += news.length;
    for (const central of centrals) await bring(central, news);
  }
}

/** All that those who ask are told. */
export async function toldBy(telemetry: AskedTelemetry): Promise<unknown> {
  const channels = await telemetry.channels();
  const told: unknown[] = [];
  for (const { id, name } of [...channels].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const runs = [];
    for await (const run of telemetry.raw(id, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) runs.push(run);
    const [times] = columnsOf(runs);
    const [from = 0, to = 0] = [times[0], times.at(-1)];
    const envelopes = [];
    for (const [at, pixels] of [
      [from, 1],
      [from, 13],
      [from + (to - from) / 3, 800],
    ] as const) {
      if (name === 'text') continue;
      const { count, min, max, first, last } = await telemetry.envelope(id, at, to, pixels);
      envelopes.push([count, min, max, first, last].map((column) => [...column].map(bits)));
    }
    told.push({
      ...{ name, raw: columnsOf(runs), envelopes },
      gaps: await telemetry.gaps(id, from, to + 1),
      coverage: await telemetry.coverage(id, from, to + 1),
      accounts: await telemetry.accounts(id),
      latest: await telemetry.latest(id),
    });
  }
  const names = new Map(channels.map(({ id, name }) => [id, name]));
  const ledger = await telemetry.ledger();
  const lines = ledger.map(({ channel, ...line }) => `${names.get(channel)} ${JSON.stringify(line)}`);
  told.push(lines.sort());
  return JSON.stringify(told);
}

/** A digest a channel and boot, over all numbers up to where they end, as receipts have them; of both boots of the box. */
async function digestsOf(central: CentralStore, box: SlowBox): Promise<string[]> {
  const boots = box.store.db.boots().map(({ boot }) => boot);
  return central.blocks.change('box', ['box'], (held) => {
    const digests = new RangeDigests(held);
    return boots.flatMap((boot) =>
      ['a', 'b', 'text'].flatMap((channel) =>
        [
          [0, 20],
          [7, 250],
          [310, 400],
        ].map(([first = 0, end = 0]) => {
          const ids = { boot: held.boot('box', boot)?.id ?? 0, channel: held.channel('box', channel)?.id ?? 0 };
          const digest = digests.of({ boot, channel, first, end }, ids);
          return `${boot} ${channel} ${first} ${end} ${digest && Buffer.from(digest).toString('hex')}`;
        }),
      ),
    );
  });
}

/** The same numbers with another last value of their first block. */
function altered(item: FeedItem): FeedItem {
  if (item.kind !== 'pack') return item;
  const pack = Pack.open(item.bytes);
  const blocks = pack.blocks.map((block, i) => {
    const { times, values } = pack.samples(i);
    if (i > 0 || !(values instanceof Float64Array)) return { ...block, times: times.slice(), values: values.slice() };
    return {
      ...block,
      times: times.slice(),
      values: values.map((value, at) => (at === values.length - 1 ? 7 : value)),
    };
  });
  return { ...item, bytes: encodePack(pack.header, blocks) };
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const keyed = items.map((item) => ({ item, at: random.unit() }));
  return keyed.sort((a, b) => a.at - b.at).map(({ item }) => item);
}

/** Packs in another order, under other positions; what they refer to comes first. */
function anotherWay(items: readonly FeedItem[], random: Random): FeedItem[] {
  const isPack = ({ kind }: FeedItem) => kind === 'pack';
  const twice = items.filter(isPack).filter(() => random.unit() < 0.3);
  const packs = shuffled([...items.filter(isPack), ...twice], random);
  return [...items.filter((item) => !isPack(item)), ...packs].map((item, i) => ({ ...item, position: i + 1 }));
}

/** Every sample that a reader is told of who goes on from a place, as `channel boot number`. */
async function newsSince(central: CentralStore, place: NewsPlace): Promise<string[]> {
  const told: string[] = [];
  for (let at = place; ; ) {
    const page = await central.news.after('box', at);
    at = page.place;
    told.push(...page.items.flatMap(samplesOf));
    if (page.isEnd) return told;
  }
}

function samplesOf(item: NewsItem): string[] {
  if (item.kind !== 'samples') return [];
  const { channel, boot, firstSequence, times, values } = item.run;
  return [...times].map((time, i) => `${channel} ${boot} ${firstSequence + i} ${time} ${bits(values[i])}`);
}

/**
 * What must hold of every central that merges what it keeps.
 * @param open makes an empty central, closed at the end of the test
 */
export async function mergingContract(t: Test, open: (t: Test, days: Days) => Promise<MergingRig>): Promise<void> {
  /** The same three days at one that merges and one that does not. */
  async function bench(t: Test) {
    const [days, box] = [new Days(), new SlowBox(t, 3)];
    const [rig, plain] = [await open(t, days), await open(t, days)];
    await threeDays(box, days, [rig.central, plain.central]);
    return { days, box, rig, merging: rig.central, plain: plain.central };
  }

  await t.test('everyone is told the same before and after, those who looked before included', async (t) => {
    const { box, rig, merging, plain } = await bench(t);
    const [before, digests, blocks] = [
      await toldBy(merging.telemetry),
      await digestsOf(merging, box),
      (await merging.totals()).blocks,
    ];
    t.ok((await rig.merge()) >= 4, 'some of each day and series');
    t.equal(await toldBy(merging.telemetry), before);
    t.equal(await toldBy(plain.telemetry), before);
    t.same(await digestsOf(merging, box), digests);
    t.same(await digestsOf(plain, box), digests);
    t.ok((await merging.totals()).blocks < blocks, 'of fewer blocks');
    t.ok((await merging.totals()).bytes < (await plain.totals()).bytes, 'and bytes');
    t.same([...(await merging.gatewayBytes()).values()], [(await merging.totals()).bytes]);
    t.same(await rig.findings(), []);
  });

  await t.test('a day is merged once it is over, and no two days are in one pack', async (t) => {
    const [days, box] = [new Days(), new SlowBox(t, 4)];
    const { central, merge } = await open(t, days);
    box.fill(DAY_PACKS);
    await bring(central, box.items);
    t.equal(await merge(), 0, 'today more may come');
    for (const packs of [DAY_PACKS, 1]) {
      days.pass(1);
      const first = box.items.length;
      box.fill(packs);
      await bring(central, box.items.slice(first));
    }
    t.ok((await merge()) > 0);
    days.pass(9);
    const daysOf = retentionDays({ rules: [{ days: 10 }] });
    const { samples } = await retireAll(central, days.today, daysOf);
    t.equal(samples, DAY_PACKS * 8, 'of the first day all goes, and nothing else');
  });

  await t.test('a limit counts merged packs as they are, and takes the oldest days of them', async (t) => {
    const { days, rig, merging } = await bench(t);
    t.ok((await rig.merge()) > 0);
    days.pass(5);
    const store = {
      held: (today: number) => merging.retiring.held(today),
      gatewayBytes: () => merging.gatewayBytes(),
    };
    const sums = async () => {
      const byDay = new Map<number, number>();
      for await (const some of merging.retiring.held(days.today)) {
        for (const { day, bytes } of some) byDay.set(day, (byDay.get(day) ?? 0) + bytes);
      }
      return [...byDay].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
    };
    const before = await sums();
    const stored = before.reduce((sum, bytes) => sum + bytes, 0);
    t.same([...(await merging.gatewayBytes()).values()], [stored]);
    const limits = [{ maxGigabytes: (stored - (before[0] ?? 0)) / 1e9 }];
    const limited = await limitedDays(store, { limits }, days.today);
    t.same(limited?.unmet, []);
    await retireAll(merging, days.today, limited?.daysOf);
    t.same(await sums(), before.slice(1), 'the first day went, whole');
    t.equal(await limitedDays(store, { limits }, days.today), undefined, 'and it fits');
  });

  await t.test('what comes once more is known, what contradicts it kept apart, as if nothing was merged', async (t) => {
    const { box, rig, merging, plain } = await bench(t);
    await rig.merge();
    const told = await toldBy(merging.telemetry);
    const { items } = box;
    for (const [feed, again] of [
      ['g', items],
      ['h', anotherWay(items, new Random(5))],
      ['i', items.map(altered)],
    ] as const) {
      const [here, there] = [await bring(merging, again, feed), await bring(plain, again, feed)];
      const { commitMs: _, ...counters } = here.counters;
      t.match(there.counters, counters, `feed ${feed}`);
      if (feed === 'i') t.ok(counters.conflicts >= DAY_PACKS, `${counters.conflicts} conflicts`);
      else t.match(counters, { blocks: 0, conflicts: 0, holes: 0, lost: 0 });
    }
    t.equal(await toldBy(merging.telemetry), told);
    t.equal(await toldBy(plain.telemetry), told);
    t.same(await rig.findings(), []);
  });

  await t.test('what came in any order, twice and cut becomes the same samples', async (t) => {
    const [days, box] = [new Days(), new SlowBox(t, 6)];
    const [inOrder, other] = [await open(t, days), await open(t, days)];
    box.fill(DAY_PACKS);
    const { items } = box;
    const [odd, even] = [items.filter((_, i) => i % 40 < 20), anotherWay(items, new Random(8))];
    await bring(inOrder.central, items);
    await bring(other.central, odd.slice(0, odd.length / 2), 'courier');
    days.pass(1);
    await bring(other.central, even, 'reverse');
    for (const { central } of [inOrder, other]) await bring(central, [], 'f');
    box.fill(1);
    days.pass(1);
    const merged: number[] = [];
    for (const { central, merge } of [inOrder, other]) {
      await bring(central, box.items.slice(items.length), 'late');
      merged.push(await merge());
    }
    t.ok((merged[0] ?? 0) > 0, 'in order there is something to merge');
    const rawOf = async ({ central }: MergingRig) => {
      const { id } = await central.telemetry.channel('a');
      const runs = [];
      for await (const run of central.telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)) runs.push(run);
      return columnsOf(runs);
    };
    t.same(await rawOf(other), await rawOf(inOrder));
    t.same(await digestsOf(other.central, box), await digestsOf(inOrder.central, box));
    for (const rig of [inOrder, other]) t.same(await rig.findings(), []);
  });

  await t.test('who follows goes on wherever it stood, and is told each sample once', async (t) => {
    const { rig, merging, plain } = await bench(t);
    const place = await merging.news.end('box');
    const begin = { ...place, position: 0 };
    const { month: _, ...fromStart } = begin;
    const places: NewsPlace[] = [fromStart];
    for (let at: NewsPlace = fromStart; ; ) {
      const page = await merging.news.after('box', at);
      at = page.place;
      if (page.isEnd) break;
      places.push(at);
    }
    const between = places.flatMap((each) => {
      return [each, { ...each, position: Math.min(place.position, each.position + 37) }];
    });
    const told = await Promise.all(between.map((each) => newsSince(merging, each)));
    t.ok((await rig.merge()) > 0);
    for (const [i, each] of between.entries()) {
      t.same((await newsSince(merging, each)).sort(), told[i]?.sort(), `from ${each.position}`);
    }
    t.same((await newsSince(merging, begin)).sort(), (await newsSince(plain, { ...begin })).sort());
  });

  await t.test('another central that pulls from it has all once, whatever it had before', async (t) => {
    const { days, rig, merging, plain } = await bench(t);
    const whole = await open(t, days);
    const part = await open(t, days);
    const feed = async (after: number) => merging.gatewayFeeds.feed('box', after, 1e6, 1e9);
    const before = await feed(0);
    await bring(part.central, before.slice(0, before.length / 2 - 31), 'hq');
    await rig.merge();
    await bring(whole.central, await feed(0), 'hq');
    const { after } = await part.central.blocks.progress('box');
    const keeper = await bring(part.central, await feed(after), 'hq');
    t.match(keeper.counters, { conflicts: 0, holes: 0 });
    const told = await toldBy(plain.telemetry);
    t.equal(await toldBy(whole.central.telemetry), told);
    t.equal(await toldBy(part.central.telemetry), told);
    for (const each of [whole, part]) t.same(await each.findings(), []);
  });

  await t.test('merged and retired: known by what the index says, as far as it does', async (t) => {
    const { days, box, rig, merging, plain } = await bench(t);
    await rig.merge();
    days.pass(30);
    for (const each of [merging, plain]) {
      const { samples } = await retireAll(each, days.today, retentionDays({ rules: [{ days: 7 }] }));
      t.ok(samples > 0);
    }
    const keeper = await bring(merging, box.items, 'g');
    t.match(keeper.counters, { blocks: 0, conflicts: 0, samples: 0 });
    const outside = await Promise.all([merging, plain].map((each) => bring(each, box.items.map(altered), 'h')));
    const [here, there] = outside.map(({ counters }) => counters.conflicts);
    t.ok((here ?? 0) >= DAY_PACKS, 'a value out of bounds is another sample');
    t.equal(here, there);
    t.same(await rig.findings(), []);
  });
}
