import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { BlockDb, type FeedItem } from '../../../gateway/store/block-db.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { decodeFeedItem, encodeFeedItem } from '../../../sync/api/feed-message.ts';
import type { NewBlock } from '../../../sync/central/batch-pass.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { decodedBits, RawStore } from '../../gateway/commands/raw-store.ts';
import { mergeAll, takeInPieces } from '../../gateway/commands/raw-store-pieces.ts';
import { feedOf } from '../same-feed.ts';

const BOX = { role: 'gateway', gateway: 'box' } as const;

const RIGHT = `BO_ 256 Engine: 8 ECU
 SG_ Speed : 0|16@1+ (0.25,0) [0|16000] "rpm" Dash
 SG_ Level : 16|16@1+ (1,0) [0|0] "" Dash
`;

/** A source that keeps its frames raw, and decodes them by `dbc`. */
function source(store: RawStore, dbc: string) {
  return {
    ...{ type: 'can', bus: { log: store.file('log'), speed: 'max' }, raw: true },
    dbc: [store.file('car.dbc', dbc)],
  };
}

function log(frames: number): string {
  const lines = Array.from({ length: frames }, (_, n) => {
    const word = ((n * 7919) & 0xffff).toString(16).padStart(4, '0').toUpperCase();
    return `(${(1_600_000_000 + n / 2000).toFixed(6)}) can0 100#${word}${word}\n`;
  });
  return lines.join('');
}

/** A box that took in a recording in box time, decoded by the wrong file, and then derived two versions of it. */
async function box(t: Test): Promise<RawStore> {
  const store = new RawStore(t);
  store.file('log', log(9000));
  await store.takeIn(t, source(store, RIGHT.replace('(0.25,0)', '(2,0)')));
  store.seal();
  store.redecode(source(store, RIGHT));
  const times = store.ask((telemetry) => {
    return [...telemetry.raw(telemetry.channel('car/raw').id, 0, Number.MAX_SAFE_INTEGER)].flatMap((piece) => [
      ...piece.times,
    ]);
  });
  const span = { from: times[2500] ?? 0, to: times[6000] ?? 0 };
  store.redecode(source(store, RIGHT.replace('(0.25,0)', '(0.5,1)')), { span });
  return store;
}

function itemsOf(store: RawStore): FeedItem[] {
  const reader = BlockReader.openReadonly(storePaths(store.dir).blocks);
  const items = feedOf(reader, 'box');
  reader.close();
  return items.map((item) => decodeFeedItem(encodeFeedItem(item)));
}

/** A central, and what it shows. */
function central(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
  const db = BlockDb.open(storePaths(dir).blocks);
  const fresh: NewBlock[] = [];
  const problems: string[] = [];
  const keeper = new Keeper(new SqliteStore(db), {
    onBlock: (block) => fresh.push(block),
    onProblem: (text) => problems.push(text),
  });
  const telemetry = StoreTelemetry.open(dir);
  t.teardown(() => {
    telemetry.close();
    db.close();
    rmSync(dir, { recursive: true });
  });
  const keep = (items: readonly FeedItem[], complete = true) => keeper.keep(BOX, { feed: 'f', items, complete });
  return { dir, db, keeper, telemetry, fresh, problems, keep };
}

t.test('central shows what the box shows, in every version, and never half of a derivation', async (t) => {
  const store = await box(t);
  const items = itemsOf(store);
  const { telemetry, keep, fresh, keeper, problems } = central(t);
  const shown = () => decodedBits(telemetry).get('car/Engine/Speed')?.join() ?? '';
  const versions = [0, 1, 2].map((version) => {
    return store.ask((box) => decodedBits(box, version).get('car/Engine/Speed')?.join() ?? '');
  });
  t.equal(new Set(versions).size, 3);
  const firstDerived = items.findIndex((item) => item.kind === 'boot' && item.origin !== undefined);
  await keep(items.slice(0, firstDerived), false);
  const seen = [shown()];
  for (const item of items.slice(firstDerived)) {
    await keep([item], false);
    seen.push(shown());
  }
  await keep([], true);
  t.same(
    seen.map((text) => versions.indexOf(text)).filter((version, i, all) => version !== all[i - 1]),
    [0, 1, 2],
    'one version after the other, whole',
  );
  for (const version of [0, 1, 2, undefined]) {
    const [here, there] = [decodedBits(telemetry, version), store.ask((box) => decodedBits(box, version))];
    t.same([...here].join('\n') === [...there].join('\n'), true, `version ${version}`);
  }
  store.ask((box) => {
    const account = (of: StoreTelemetry) =>
      of
        .ledger()
        .map(({ channel, ...line }) => ({ ...line, name: of.channels().find(({ id }) => id === channel)?.name }));
    const byName = (lines: ReturnType<typeof account>) =>
      lines.sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
    t.same(byName(account(telemetry)), byName(account(box)));
    const listed = (of: StoreTelemetry) =>
      of.versions().map(({ id: _, channels, ...rest }) => ({ ...rest, channels: channels.length }));
    t.same(listed(telemetry), listed(box));
    const speed = (of: StoreTelemetry) => of.latest(of.channel('car/Engine/Speed').id);
    t.same(speed(telemetry), speed(box));
  });
  t.ok(fresh.some(({ isDerived }) => isDerived) && fresh.some(({ isDerived }) => !isDerived));
  t.match(keeper.counters, { conflicts: 0, holes: 0, known: 0 });
  t.same(problems, []);
});

t.test(
  'what a box decoded anew over blocks that it had merged is the same at central, had that the small ones or not',
  async (t) => {
    const store = new RawStore(t);
    store.file('log', log(400));
    await takeInPieces(store, source(store, RIGHT.replace('(0.25,0)', '(2,0)')), 20);
    const [early, late] = [central(t), central(t)];
    const small = itemsOf(store);
    await early.keep(small);
    t.ok(mergeAll(t, store) > 0);
    store.redecode(source(store, RIGHT));
    const items = itemsOf(store);
    t.ok(items.length < small.length, 'there are fewer packs');
    await early.keep(items.filter(({ position }) => position > (small.at(-1)?.position ?? 0)));
    await late.keep(items);
    for (const { telemetry, keeper, problems } of [early, late]) {
      for (const version of [0, 1, undefined]) {
        const [here, there] = [decodedBits(telemetry, version), store.ask((box) => decodedBits(box, version))];
        t.equal([...here].join('\n') === [...there].join('\n'), true, `version ${version}`);
      }
      t.match(keeper.counters, { conflicts: 0, holes: 0 });
      t.same(problems, []);
    }
  },
);

t.test('a feed that comes twice, or is gone on with by a central that started again, changes nothing', async (t) => {
  const store = await box(t);
  const items = itemsOf(store);
  const { db, telemetry, keep, keeper } = central(t);
  const middle = items.findLastIndex((item) => item.kind === 'pack');
  await keep(items.slice(0, middle), false);
  const again = new Keeper(new SqliteStore(db));
  await again.keep(BOX, { feed: 'f', items, complete: true });
  const before = decodedBits(telemetry);
  await again.keep(BOX, { feed: 'g', items, complete: true });
  t.same([...decodedBits(telemetry)].join('\n') === [...before].join('\n'), true);
  t.equal(telemetry.versions().length, 2);
  t.match(keeper.counters, { conflicts: 0 });
  store.ask((box) => t.same([...before].join('\n') === [...decodedBits(box)].join('\n'), true));
});

t.test('a derivation that cannot be is refused by its position', async (t) => {
  const items = itemsOf(await box(t));
  const find = (kind: FeedItem['kind']) =>
    items.find((item) => item.kind === kind && (kind !== 'boot' || 'origin' in item));
  const [boot, derivation] = [find('boot'), find('derivation')];
  if (boot?.kind !== 'boot' || derivation?.kind !== 'derivation') throw new Error('no derivation in the feed');
  const refused = async (t: Test, given: readonly FeedItem[], what: RegExp) => {
    const { keep } = central(t);
    t.match((await keep(given)).refusal, {
      position: given.at(-1)?.position ?? 0,
      error: { code: 'peer-invalid', message: what },
    });
  };
  const origin = items.find((item) => item.kind === 'boot');
  const before = origin === undefined ? [] : [origin];
  const withTerms = (terms: object): FeedItem => ({
    ...derivation,
    derivation: { ...derivation.derivation, ...terms },
  });
  const spans = (...all: [number, number][]) => ({ arrival: all.map(([from, to]) => ({ from, to })), device: [] });
  await refused(t, [boot], /which the feed has not told of/);
  await refused(
    t,
    [...before, { ...derivation, boot: before[0]?.kind === 'boot' ? before[0].boot : '' }],
    /not told of/,
  );
  await refused(t, [...before, boot, withTerms({ version: 0 })], /version 0/);
  await refused(t, [...before, boot, withTerms({ made: Number.NaN })], /made NaN/);
  for (const bad of [spans([2, 1]), spans([1, Number.NaN]), spans([5, 6], [1, 2]), spans([1, 3], [2, 4])]) {
    await refused(t, [...before, boot, withTerms({ spans: bad })], /spans are not in order/);
  }
});
