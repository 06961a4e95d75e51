import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import type { AskedTelemetry } from '../../../../gateway/query/telemetry.ts';
import type { FeedItem } from '../../../../gateway/store/block-rows.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import type { ChannelAccount } from '../../../../sync/api/ledger-call.ts';
import type { CentralStore } from '../../../../sync/central/central-store.ts';
import { Keeper } from '../../../../sync/central/keeper.ts';
import { limitedDays } from '../../../../sync/central/retention/retention-limits.ts';
import { type DaysOf, dayOf, retentionDays } from '../../../../sync/central/retention/retention-rules.ts';
import type { Retired } from '../../../../sync/central/retention/retiring-store.ts';
import { compareLedgers } from '../../../../sync/ledger/compare-ledgers.ts';
import { FilledStore } from '../../filled-store.ts';
import { feedOf } from '../../same-feed.ts';

export const BOX = { role: 'gateway', gateway: 'box' } as const;
const DAY_MS = 86_400_000;
export const NOON = Date.UTC(2024, 0, 10, 12);

/** Five days of whatever nothing else says of. */
export const RULES = retentionDays({ rules: [{ channels: ['held/**'] }, { gateways: ['b*'], days: 5 }] });

/** A clock that a test sets. */
export class Days {
  ms = NOON;

  pass(days: number): void {
    this.ms += days * DAY_MS;
  }

  get today(): number {
    return dayOf(this.ms);
  }
}

/** A gateway's store of which a central gets what is new. */
export class Source {
  readonly store: FilledStore;
  readonly dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
  #sent = 0;

  constructor(t: Test, seed: number) {
    this.store = new FilledStore(this.dir, 'box', new Random(seed));
    t.teardown(() => {
      this.store.close();
      rmSync(this.dir, { recursive: true });
    });
  }

  fill(packs: number): void {
    for (let i = 0; i < packs; i += 1) {
      this.store.sealPack(['a', 'b'], 'number', 20);
      this.store.seal('text', 'text', 10);
      this.store.sealPack(['c', 'held/d'], 'number', 10);
      if (i % 7 === 3) this.store.lose('a', 5);
    }
  }

  get items(): FeedItem[] {
    return feedOf(this.store.db, 'box');
  }

  /** Brings central what is new. */
  async send({ blocks }: CentralStore, feed = 'f', all = false): Promise<Keeper> {
    const { items } = this;
    const keeper = new Keeper(blocks);
    const news = items.slice(all ? 0 : this.#sent);
    this.#sent = items.length;
    for (let at = 0; at < news.length; at += 50) {
      await keeper.keep(BOX, { feed, items: news.slice(at, at + 50), complete: at + 50 >= news.length });
    }
    return keeper;
  }

  async ledger(): Promise<ChannelAccount[]> {
    const telemetry = StoreTelemetry.open(this.dir);
    try {
      return await ledgerOf(telemetry);
    } finally {
      telemetry.close();
    }
  }
}

export async function ledgerOf(telemetry: AskedTelemetry): Promise<ChannelAccount[]> {
  const accounts: ChannelAccount[] = [];
  for (const { id, gateway, name } of await telemetry.channels()) {
    for (const account of await telemetry.accounts(id)) accounts.push({ ...account, gateway, channel: name });
  }
  return accounts;
}

/** Retires all that is due; returns what went. */
export async function retireAll({ retiring }: CentralStore, today: number, daysOf: DaysOf = RULES): Promise<Retired> {
  const sum = { packs: 0, samples: 0, bytes: 0 };
  for await (const { packs, samples, bytes } of retiring.retire({ daysOf, today })) {
    sum.packs += packs;
    sum.samples += samples;
    sum.bytes += bytes;
  }
  return sum;
}

/** Every sample of a channel as `time value`, as queries give it. */
export async function samplesOf(telemetry: AskedTelemetry, name: string): Promise<string[]> {
  const { id } = await telemetry.channel(name);
  const samples: string[] = [];
  for await (const { times, values } of telemetry.raw(id, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
    for (const [i, time] of times.entries()) samples.push(`${time} ${values[i]}`);
  }
  return samples;
}

/**
 * What must hold of every store that retires.
 * @param open makes an empty central, closed at the end of the test
 */
export async function retentionContract(t: Test, open: (t: Test, days: Days) => Promise<CentralStore>): Promise<void> {
  /** A central with 40 packs of each kind that came six days ago and 20 of today. */
  async function bench(t: Test) {
    const days = new Days();
    const source = new Source(t, 5);
    const central = await open(t, days);
    source.fill(40);
    await source.send(central);
    const old = await samplesOf(central.telemetry, 'a');
    days.pass(6);
    source.fill(20);
    await source.send(central);
    return { days, source, central, old };
  }

  await t.test('gives up what came too long ago, and says of every number that it was here', async (t) => {
    const { days, source, central, old } = await bench(t);
    const { telemetry } = central;
    const before = { text: await samplesOf(telemetry, 'text'), c: await samplesOf(telemetry, 'c') };
    const all = await samplesOf(telemetry, 'a');
    const sizes = await central.totals();
    const terms = { daysOf: RULES, today: days.today };
    const due = await central.retiring.due(terms);
    t.same(
      due.map(({ gateway, channels, oldest, youngest, days }) => [gateway, channels, oldest, youngest, days]),
      [
        ['box', ['a', 'b'], 6, 6, 5],
        ['box', ['text'], 6, 6, 5],
      ],
    );
    const gone = await retireAll(central, days.today);
    t.match(gone, { packs: 80, samples: 40 * 20 * 2 + 40 * 10 });
    t.equal(
      gone.packs,
      due.reduce((sum, { packs }) => sum + packs, 0),
      'what was told before',
    );
    t.equal(
      gone.bytes,
      due.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    const { blocks, bytes } = await central.totals();
    t.same([blocks, bytes], [sizes.blocks, sizes.bytes - gone.bytes]);
    t.same([...(await central.gatewayBytes())], [['box', bytes]]);
    t.same(await samplesOf(telemetry, 'a'), all.slice(old.length), 'what is young is there');
    t.equal((await samplesOf(telemetry, 'text')).length, before.text.length - 400);
    t.same(await samplesOf(telemetry, 'c'), before.c, 'a pack goes with what is kept longest in it');
    t.same(await central.retiring.due(terms), [], 'nothing more is due');
    t.match(await retireAll(central, days.today), { packs: 0 });

    const box = await source.ledger();
    const hub = await ledgerOf(telemetry);
    const ends = (accounts: readonly ChannelAccount[]) =>
      accounts.map(({ channel, boot, end }) => [channel, boot, end]);
    t.same(ends(hub).sort(), ends(box).sort(), 'both ends know of the same numbers');
    const differences = compareLedgers(box, hub);
    t.ok(differences.length > 0);
    t.ok(
      differences.every(({ verdict, here, there }) => verdict === 'given-up' && here === 'held' && there === 'retired'),
    );
    t.equal(
      differences.reduce((sum, { first, end }) => sum + end - first, 0),
      gone.samples,
    );
    const { id } = await telemetry.channel('a');
    const line = (await telemetry.ledger()).find(({ channel }) => channel === id);
    t.match(line, { kept: 400, lost: 800 + 5 * 6 + 5 * 3 });
    const [from, to] = [Number.MIN_SAFE_INTEGER / 2, Number.MAX_SAFE_INTEGER / 2];
    const { stretches } = await telemetry.coverage(id, from, to);
    t.ok(stretches.some(({ state, cause }) => state === 'outline' && cause === 'retired'));
    t.notOk(stretches.some(({ cause }) => cause === 'not-received' || cause === 'block-damaged'));
    const chart = await telemetry.envelope(id, from, to, 4);
    t.equal(chart.max.length > 0, true, 'a chart is drawn of what the index says');
  });

  await t.test('a limit takes whole days, the oldest first, until what is left fits', async (t) => {
    const [days, source] = [new Days(), new Source(t, 11)];
    const central = await open(t, days);
    const grown: number[] = [];
    for (let day = 0; day < 6; day += 1) {
      const before = (await central.totals()).bytes;
      source.fill(10);
      await source.send(central);
      grown.push((await central.totals()).bytes - before);
      days.pass(1);
    }
    days.pass(-1);
    const rules = [{ channels: ['held/**'] }];
    const [stored] = (await central.gatewayBytes()).values();
    t.equal(stored, (await central.totals()).bytes);
    const limit = (bytes: number) => ({ rules, limits: [{ gateways: ['b*'], maxGigabytes: bytes / 1e9 }] });
    const store = {
      held: (today: number) => central.retiring.held(today),
      gatewayBytes: () => central.gatewayBytes(),
    };
    t.equal(await limitedDays(store, limit(stored ?? 0), days.today), undefined, 'it fits');
    const [first = 0, second = 0] = grown;
    // Two days less what is on hold in them are enough; one is not.
    const limited = await limitedDays(store, limit((stored ?? 0) - 0.4 * (first + second)), days.today);
    t.same(limited?.unmet, []);
    const texts = await samplesOf(central.telemetry, 'text');
    const daysOf = limited?.daysOf ?? RULES;
    const due = await central.retiring.due({ daysOf, today: days.today });
    t.same(
      due.map(({ channels, packs, oldest, youngest }) => [channels, packs, oldest, youngest]),
      [
        [['a', 'b'], 20, 5, 4],
        [['text'], 20, 5, 4],
      ],
    );
    t.match(await retireAll(central, days.today, daysOf), { packs: 40 });
    t.same(await samplesOf(central.telemetry, 'text'), texts.slice(200), 'what came later is there');
    t.ok((await central.totals()).bytes <= (stored ?? 0) - 0.4 * (first + second));
    t.equal((await samplesOf(central.telemetry, 'held/d')).length, 600, 'what is on hold stays');

    const most = await limitedDays(store, limit(1), days.today);
    t.ok((most?.unmet[0]?.bytes ?? 0) > 0, 'it cannot be kept');
    await retireAll(central, days.today, most?.daysOf ?? RULES);
    t.same(await samplesOf(central.telemetry, 'text'), texts.slice(400), 'today and yesterday stay');
    const differences = compareLedgers(await source.ledger(), await ledgerOf(central.telemetry));
    t.ok(differences.every(({ verdict, there }) => verdict === 'given-up' && there === 'retired'));
  });

  await t.test('remembers by which day it counted last', async (t) => {
    const { retiring } = await open(t, new Days());
    t.equal(await retiring.calendar(), undefined);
    await retiring.keepCalendar({ day: 19_000, clock: 19_400 });
    await retiring.keepCalendar({ day: 19_001, clock: 19_401 });
    t.same(await retiring.calendar(), { day: 19_001, clock: 19_401 });
  });

  await t.test('knows again what comes once more, however it is told', async (t) => {
    const { days, source, central } = await bench(t);
    await retireAll(central, days.today);
    const kept = await samplesOf(central.telemetry, 'a');
    const totals = await central.totals();
    const ledger = await ledgerOf(central.telemetry);
    const { counters } = await source.send(central, 'another feed', true);
    t.match(counters, { blocks: 0, conflicts: 0, holes: 0, lost: 0 });
    t.ok(counters.known > 0);
    t.same(await samplesOf(central.telemetry, 'a'), kept, 'what was retired stays so');
    t.same((await central.totals()).bytes, totals.bytes);
    t.same(await ledgerOf(central.telemetry), ledger);
  });

  await t.test('tells a box that was lost what it had and has no more', async (t) => {
    const { days, central } = await bench(t);
    await retireAll(central, days.today);
    const items = await central.gatewayFeeds.feed('box', 0, 10_000, Number.MAX_SAFE_INTEGER);
    const gaps = items.flatMap((item) => (item.kind === 'given-up' ? item.gaps : []));
    t.equal(
      gaps.reduce((sum, { count }) => sum + count, 0),
      2000,
    );
    t.ok(gaps.every(({ cause }) => cause === 'retired'));
    t.equal(items.filter(({ kind }) => kind === 'pack').length, 180 - 80);
    t.same([...new Set(gaps.map(({ channel }) => channel))].sort(), ['a', 'b', 'text']);
  });

  await t.test('whoever reads and pulls meanwhile gets each sample once, and loses none of what stays', async (t) => {
    const { days, source, central, old } = await bench(t);
    const all = await samplesOf(central.telemetry, 'a');
    const [stays, goes] = [all.slice(old.length), new Set(old)];
    source.fill(20);
    let isOver = false;
    const reading = async () => {
      for (let last = false; !last; ) {
        last = isOver;
        const read = await samplesOf(central.telemetry, 'a');
        t.equal(new Set(read).size, read.length, 'none twice');
        const there = new Set(read);
        t.ok(
          stays.every((sample) => there.has(sample)),
          'none of what stays is missing',
        );
        if (last) t.notOk(read.some((sample) => goes.has(sample)));
      }
    };
    const [keeper] = await Promise.all([
      source.send(central),
      (async () => {
        await retireAll(central, days.today);
        isOver = true;
      })(),
      reading(),
    ]);
    t.match(keeper.counters, { conflicts: 0, holes: 0, known: 0 });
    t.equal((await samplesOf(central.telemetry, 'a')).length, stays.length + 400);
  });
}
