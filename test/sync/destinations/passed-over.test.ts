import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { type ChannelDefinition, defineChannel } from '../../../gateway/channel.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { FeedBorders, type PassedOver } from '../../../gateway/store/passed-over.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import type { ChannelAccount } from '../../../sync/api/ledger-call.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { type StorePlace, startCentral } from '../../../sync/central/central.ts';
import type { DestinationsConfig } from '../../../sync/destinations/destination-config.ts';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';
import { PassedOverBook } from '../../../sync/destinations/passed-over-book.ts';
import { compareLedgers } from '../../../sync/ledger/compare-ledgers.ts';
import { freePort } from '../../free-port.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { testOverEachStore } from '../central/each-store.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus } from '../memory-telemetry.ts';

const HOST = '127.0.0.1';

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-passed-over-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function filledStore(t: Test, dir = folder(t)): FilledStore {
  const box = new FilledStore(dir, 'box', new Random(3));
  t.teardown(() => box.close());
  return box;
}

/** A book over a store, with what it has told last. */
function bookOf(box: FilledStore, destinations: DestinationsConfig, kept: PassedOver = {}) {
  const told = { record: kept, times: 0 };
  const book = new PassedOverBook({
    ...{ store: box.db, policy: new DestinationPolicy(destinations), kept },
    onChanged: (record) => {
      told.record = JSON.parse(JSON.stringify(record)) as PassedOver;
      told.times += 1;
    },
  });
  return { book, told };
}

t.test('what a filter kept back is known by its numbers, also after it is gone', async (t) => {
  const box = filledStore(t);
  const [channel] = [1];
  const before = bookOf(box, { hq: { except: ['heart'] } });
  box.seal('heart', 'number', 10);
  before.book.note('hq', 0);
  t.same(before.told.record, { hq: { 1: [0] } });
  box.seal('speed', 'number', 3);
  box.seal('heart', 'number', 5);
  box.startBoot();
  box.seal('heart', 'number', 4);
  const border = box.db.lastPosition();
  before.book.note('hq', border);
  t.equal(before.told.times, 1, 'nothing is told where nothing changed');

  const after = bookOf(box, {}, before.told.record);
  after.book.note('hq', border);
  t.same(after.told.record, { hq: { 1: [0, border] } });
  box.seal('heart', 'number', 6);
  after.book.note('hq', box.db.lastPosition());
  const [first, second] = box.db.boots().map(({ boot }) => boot);
  t.same(
    [...after.book.numbers('hq', channel)],
    [
      [first, [{ first: 0, end: 15 }]],
      [second, [{ first: 0, end: 4 }]],
    ],
  );
  t.equal(after.book.numbers('other', channel).size, 0);
  t.equal(after.book.numbers('hq', 2).size, 0, 'of a channel that always went there is none');
});

t.test('a channel whose residency changes goes, stays, and goes again', async (t) => {
  const box = filledStore(t);
  const { book, told } = bookOf(box, {});
  const reside = (residency: 'any' | 'local') => {
    const definition = defineChannel({ name: 'heart', source: 'test', residency });
    box.db.transaction(() => box.db.keepChannel('box', definition, 1));
  };
  box.seal('heart', 'number', 10);
  book.note('hq', 0);
  t.equal(told.times, 0);
  for (const [residency, count] of [
    ['local', 7],
    ['any', 5],
    ['local', 2],
    ['any', 1],
  ] as const) {
    const at = box.db.lastPosition();
    reside(residency);
    book.note('hq', at);
    box.seal('heart', 'number', count);
  }
  t.same(
    [...book.numbers('hq', 1).values()],
    [
      [
        { first: 10, end: 17 },
        { first: 22, end: 24 },
      ],
    ],
  );
  // Closed where it was opened: nothing was kept back.
  const end = box.db.lastPosition();
  for (const residency of ['local', 'any'] as const) {
    reside(residency);
    book.note('hq', end);
  }
  t.equal(told.record.hq?.[1]?.length, 4);
});

t.test(
  'how far all has come is told at a position that a destination reaches, unless what is withheld would seem quiet',
  async (t) => {
    const box = filledStore(t);
    const first = bookOf(box, { hq: { except: ['heart'] } });
    box.seal('speed', 'number', 3);
    const reached = box.db.lastPosition();
    box.seal('heart', 'number', 10);
    const [until, end] = [1e6, box.db.lastPosition()];
    const told = () => first.book.settled('hq', { until, position: end });
    t.equal(told(), undefined, 'before it came nothing is known of what went there');
    first.book.note('hq', 0);
    t.same(told(), { until, position: end });
    first.book.pass('hq', reached, end - 1);
    t.same(told(), { until, position: end }, 'nobody has looked so far');
    first.book.pass('hq', reached, end);
    t.same(told(), { until, position: reached });
    box.seal('fuel', 'number', 3);
    const later = { until: 2e6, position: box.db.lastPosition() };
    t.same(
      first.book.settled('hq', later),
      { until, position: reached },
      'of a new channel nothing is known: as before',
    );
    first.book.note('hq', reached);
    t.same(first.book.settled('hq', later), later);

    const settledBy = (destinations: DestinationsConfig, kept: PassedOver) => {
      const { book, told: record } = bookOf(box, destinations, kept);
      book.note('hq', box.db.lastPosition());
      return { settled: book.settled('hq', { until, position: end }), record: record.record };
    };
    t.same(
      settledBy({ hq: { except: ['heart'] } }, first.told.record).settled,
      { until, position: end },
      'over a restart',
    );
    const open = settledBy({}, first.told.record);
    t.equal(open.settled, undefined, 'a channel that goes there now lacks what was withheld');
    const closed = settledBy({ hq: { except: ['heart', 'fuel'] } }, first.told.record);
    t.equal(closed.settled, undefined, 'a channel that went there is withheld now');
  },
);

t.test(
  'of very many stretches the oldest become one, and of very many destinations only the first are known',
  async (t) => {
    const box = filledStore(t);
    box.seal('heart', 'number', 1);
    const [withheld, free] = [{ hq: { except: ['heart'] } }, {}];
    let kept: PassedOver = {};
    for (let i = 0; i < 100; i += 1) {
      const { book, told } = bookOf(box, i % 2 === 0 ? withheld : free, kept);
      book.note('hq', i);
      kept = told.record;
    }
    const borders = kept.hq?.[1] ?? [];
    t.equal(borders.length, 64);
    t.same([borders[0], borders.at(-1)], [0, 99]);

    const residing = filledStore(t);
    residing.seal('heart', 'number', 1);
    const local = defineChannel({ name: 'heart', source: 'test', residency: 'local' });
    residing.db.transaction(() => residing.db.keepChannel('box', local, 1));
    const { book, told } = bookOf(residing, {});
    for (let i = 0; i < 70; i += 1) book.note(`central ${i}`, 0);
    t.equal(Object.keys(told.record).length, 64);
  },
);

t.test('packs are merged on either side of where a channel began to go, and not across', async (t) => {
  const borders = new FeedBorders({ hq: { 1: [10, 20] }, team: { 7: [30] } });
  const spans: readonly (readonly [number, number, boolean])[] = [
    [1, 10, true],
    [10, 11, false],
    [11, 20, true],
    [19, 21, false],
    [29, 31, false],
    [31, 40, true],
  ];
  for (const [first, last, isApart] of spans) {
    t.equal(borders.isApart(first, last), isApart, `${first} to ${last}`);
    t.equal(borders.periodOf(first) === borders.periodOf(last), isApart, `${first} and ${last} are of one period`);
  }
});

/** A gateway whose config may change, and a central that pulls from it. */
function twoEnds(t: Test, place: StorePlace) {
  const dir = folder(t);
  const box = filledStore(t, dir);
  let kept: PassedOver = {};
  const serve = async (destinations: DestinationsConfig, port = 0) => {
    const telemetry = StoreTelemetry.open(dir);
    const policy = new DestinationPolicy(destinations);
    const onChanged = (record: PassedOver) => {
      kept = JSON.parse(JSON.stringify(record)) as PassedOver;
    };
    const passedOver = new PassedOverBook({ store: box.db, policy, kept, onChanged });
    const server = await startTelemetryServer({
      ...{ host: HOST, port, telemetry, feed: box.db, storeDir: dir, policy, passedOver },
      status: () => exampleStatus('box'),
    });
    const stop = () => server.stop().then(() => telemetry.close());
    return { port: server.port, stop };
  };
  const pullFrom = (port: number) =>
    startCentral({ ...place, name: 'hq', host: HOST, port: 0, pull: [{ host: HOST, port }], version: '1' });
  const keptOf = async (central: Awaited<ReturnType<typeof startCentral>>, name: string) => {
    const channel = (await central.telemetry.channels()).find((each) => each.name === name);
    const lines = await central.telemetry.ledger();
    return lines.filter((line) => line.channel === channel?.id).reduce((sum, line) => sum + line.kept, 0);
  };
  return { box, dir, serve, pullFrom, keptOf };
}

async function ledger(port: number, destination?: string): Promise<readonly ChannelAccount[]> {
  const client = new TelemetryClient({ host: HOST, port });
  try {
    const accounts: ChannelAccount[] = [];
    for await (const account of client.ledger({ destination })) accounts.push(account);
    return accounts;
  } finally {
    client.close();
  }
}

/** A gateway that keeps a channel from a central, and gives it later; what both say then, and whether what was kept back can be had. */
async function scenario(t: Test, place: StorePlace): Promise<void> {
  const { box, serve, pullFrom, keptOf } = twoEnds(t, place);
  box.sealPack(['heart', 'speed'], 'number', 10);
  const first = await serve({ hq: { except: ['heart'] } });
  const early = await pullFrom(first.port);
  await eventually('what may go came', async () => (await keptOf(early, 'speed')) === 10);
  box.startBoot();
  box.sealPack(['heart', 'speed'], 'number', 5);
  await eventually('and of the next boot', async () => (await keptOf(early, 'speed')) === 15);
  await early.stop();
  await first.stop();
  box.sealPack(['heart', 'speed'], 'number', 7);

  const second = await serve({ hq: {} }, await freePort());
  const central = await pullFrom(second.port);
  t.teardown(() => central.stop());
  await eventually('what goes from now on came', async () => (await keptOf(central, 'heart')) === 7);
  await eventually('all of the others', async () => (await keptOf(central, 'speed')) === 22);
  const differences = async () => compareLedgers(await ledger(second.port, 'hq'), await ledger(central.port));
  await eventually('what lacks counts as not received', async () =>
    (await ledger(central.port)).some(({ missing }) => missing.some(({ cause }) => cause === 'not-received')),
  );
  t.match(await differences(), [
    { channel: 'heart', first: 0, end: 10, here: 'held', there: 'unknown', verdict: 'passed-over' },
    { channel: 'heart', first: 0, end: 5, here: 'held', there: 'not-received', verdict: 'passed-over' },
  ]);

  const client = new TelemetryClient({ host: HOST, port: central.port });
  t.teardown(() => client.close());
  const wish = { gateway: 'box', from: 0, to: box.db.lastTime() + 60e6, outlines: false };
  await client.wish({ ...wish, channels: ['heart'] });
  await eventually('what was kept back comes when it is wished', async () => (await differences()).length === 0);

  // A line that opens anew is told the wish again.
  const known = () => central.status().store.pulled?.known;
  const before = known();
  await second.stop();
  const third = await serve({ hq: {} }, second.port);
  t.teardown(third.stop);
  box.sealPack(['speed'], 'number', 3);
  await eventually('the line is there again', async () => (await keptOf(central, 'speed')) === 25);
  t.equal(await client.wish({ ...wish, channels: ['heart'] }), 1);
  box.sealPack(['heart'], 'number', 2);
  await eventually('what was taken in behind the wish came', async () => (await keptOf(central, 'heart')) === 24);
  // What is taken in while the wish is on its way may come in its turn and by the wish; all else is three packs.
  const again = (known() ?? 0) - (before ?? 0);
  t.ok(again <= 1, `${again} blocks came twice`);
}

testOverEachStore(t, 'what was kept back is no contradiction once it may go', scenario);

t.test('a central knows what it kept back from another one that follows it, also over a restart', async (t) => {
  const { box, serve, pullFrom, keptOf } = twoEnds(t, { dir: folder(t) });
  const reside = (residency: ChannelDefinition['residency']) => {
    const definition = defineChannel({ name: 'heart', source: 'test', residency });
    box.db.transaction(() => box.db.keepChannel('box', definition, 1));
  };
  box.sealPack(['heart', 'speed'], 'number', 10);
  reside(['eu']);
  const gateway = await serve({ hq: { region: 'eu' } });
  t.teardown(gateway.stop);
  const dir = folder(t);
  const follow = (port: number) =>
    startCentral({ dir, name: 'team', host: HOST, port: 0, pull: [{ host: HOST, port }], version: '1' });
  const first = await pullFrom(gateway.port);
  const early = await follow(first.port);
  await eventually('what may go anywhere came to both', async () => (await keptOf(early, 'speed')) === 10);
  t.equal(await keptOf(first, 'heart'), 10);
  t.equal(await keptOf(early, 'heart'), 0);
  await early.stop();
  await first.stop();

  const hq = await pullFrom(gateway.port);
  t.teardown(() => hq.stop());
  reside('any');
  box.sealPack(['heart', 'speed'], 'number', 7);
  await eventually('it came to the first', async () => (await keptOf(hq, 'heart')) === 17);
  const team = await follow(hq.port);
  t.teardown(() => team.stop());
  await eventually('and what goes on from now to the other', async () => (await keptOf(team, 'heart')) === 7);
  await eventually('what lacks counts as not received', async () =>
    (await ledger(team.port)).some(({ missing }) => missing.some(({ cause }) => cause === 'not-received')),
  );
  t.match(compareLedgers(await ledger(hq.port, 'team'), await ledger(team.port)), [
    { channel: 'heart', first: 0, end: 10, here: 'held', there: 'not-received', verdict: 'passed-over' },
  ]);
});

t.test('a pack that is damaged on the disk of the gateway keeps nothing back, in its turn or wished', async (t) => {
  const { box, dir, serve, pullFrom, keptOf } = twoEnds(t, { dir: folder(t) });
  for (const count of [10, 500, 20]) box.sealPack(['heart', 'speed'], 'number', count);
  const [, position = 0] = box.db.packSizesAfter(0, 10).map((pack) => pack.position);
  const bytes = Buffer.from(box.db.packBytes(position) ?? []);
  bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000);
  const disk = new Database(storePaths(dir).blocks);
  disk.prepare('UPDATE packs SET bytes = ? WHERE position = ?').run(bytes, position);
  disk.close();

  const first = await serve({ hq: { except: ['heart'] } });
  const early = await pullFrom(first.port);
  await eventually('what stands around it came', async () => (await keptOf(early, 'speed')) === 30);
  await early.stop();
  await first.stop();

  const second = await serve({ hq: {} });
  t.teardown(second.stop);
  const central = await pullFrom(second.port);
  t.teardown(() => central.stop());
  const client = new TelemetryClient({ host: HOST, port: central.port });
  t.teardown(() => client.close());
  const [from, to] = [0, box.db.lastTime() + 60e6];
  await client.wish({ gateway: 'box', channels: ['heart', 'speed'], from, to, outlines: false });
  box.sealPack(['heart', 'speed'], 'number', 5);
  await eventually('what is whole came', async () => (await keptOf(central, 'heart')) === 35);
  await eventually('and what was taken in since', async () => (await keptOf(central, 'speed')) === 35);
  t.equal(central.status().lines?.[0]?.failures ?? 0, 0);
});
