import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AskedTelemetry, Envelope, Samples, StoredChannel } from '../../../../gateway/query/telemetry.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import type { CentralStore } from '../../../../sync/central/central-store.ts';
import { Keeper } from '../../../../sync/central/keeper.ts';
import { openPostgresCentral } from '../../../../sync/central/postgres/postgres-central.ts';
import { openSqliteCentral } from '../../../../sync/central/sqlite-central.ts';
import { requireTools } from '../../../debian.ts';
import { FilledStore } from '../../filled-store.ts';
import { feedOf } from '../../same-feed.ts';
import { PostgresServer } from '../postgres-server.ts';

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

/** Packs of one roster: two levels of envelopes above them. */
const SERIES_PACKS = 300;
const STEPS = 60;
const RANGES = 12;

/** What a store answers, without its own ids and pieces. */
async function told(telemetry: AskedTelemetry, random: Random): Promise<unknown> {
  const names = (channel: StoredChannel) => `${channel.gateway} ${channel.name}`;
  const channels = [...(await telemetry.channels())].sort((a, b) => (names(a) < names(b) ? -1 : 1));
  const answers: unknown[] = [];
  const ledger = new Map((await telemetry.ledger()).map(({ channel, ...line }) => [channel, line]));
  for (const { id, ...definition } of channels) {
    const found = await telemetry.channel(definition.name, definition.gateway);
    const all = await rawOf(telemetry, id, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    const [first = 0, last = 0] = [all.times[0], all.times.at(-1)];
    const gaps = (await telemetry.gaps(id, first - 1e9, last + 1e9)).map(({ channel: _, ...gap }) => gap);
    const accounts = await telemetry.accounts(id);
    answers.push([definition, found.id === id, all, await telemetry.latest(id), ledger.get(id), gaps, accounts]);
    for (let i = 0; i < RANGES; i += 1) {
      const from = first - 1000 + random.below(Math.max(1, last - first));
      const to = from + 1 + random.below(Math.max(1, last - from + 1000));
      answers.push(await rawOf(telemetry, id, from, to));
      if (definition.type !== 'text')
        answers.push(bitsOf(await telemetry.envelope(id, from, to, 1 + random.below(300))));
    }
  }
  answers.push(await telemetry.versions());
  return answers;
}

/** The samples of a range as one piece, numbers as their bits. */
async function rawOf(telemetry: AskedTelemetry, channel: number, from: number, to: number) {
  const pieces: Samples[] = [];
  for await (const piece of telemetry.raw(channel, from, to)) pieces.push(piece);
  return {
    times: pieces.flatMap(({ times }) => [...times]),
    values: pieces.flatMap(({ values }) => [...(values instanceof Float64Array ? hexOf(values) : values)]),
    late: pieces.flatMap(({ times, late }) => [...(late ?? new Uint8Array(times.length))]),
  };
}

function bitsOf({ from, to, pixels, count, min, max, first, last }: Envelope): unknown {
  return { from, to, pixels, columns: [count, min, max, first, last].map(hexOf) };
}

function hexOf(column: Float64Array): string[] {
  return [...column].map((value) => Buffer.from(Float64Array.of(value).buffer).toString('hex'));
}

async function pullAll(central: CentralStore, sources: readonly FilledStore[]): Promise<void> {
  const keeper = new Keeper(central.blocks);
  for (const { db, gateway } of sources) {
    const items = feedOf(db, gateway);
    for (let at = 0; at < items.length; at += 64) {
      const batch = { feed: 'f', items: items.slice(at, at + 64), complete: at + 64 >= items.length };
      await keeper.keep({ role: 'gateway', gateway }, batch);
    }
  }
}

/** Two gateways that name their channels alike, one of them with a long series. */
function sourcesIn(t: Test): FilledStore[] {
  const random = new Random(SEED);
  return ['box', 'other'].map((gateway, i) => {
    const dir = mkdtempSync(join(tmpdir(), `caisson-${gateway}-`));
    const source = new FilledStore(dir, gateway, random.fork(gateway));
    t.teardown(() => {
      source.close();
      rmSync(dir, { recursive: true });
    });
    for (let pack = 0; pack < SERIES_PACKS && i === 0; pack += 1) source.sealPack(['same/a', 'same/b'], 'number', 5);
    for (let pack = 0; pack < 40; pack += 1) source.sealPack(['same/a', 'same/b'], 'number', 5);
    for (let step = 0; step < STEPS; step += 1) source.step();
    return source;
  });
}

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  await t.test('PostgreSQL answers what SQLite answers, bit for bit', async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    const sources = sourcesIn(t);
    const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
    const sqlite = openSqliteCentral(dir, 'hq');
    const url = await server.database();
    const onProblem = (text: string) => t.fail(text);
    const writer = await openPostgresCentral({ url, name: 'hq', onProblem });
    // Another process, which knows nothing by heart.
    const reader = await openPostgresCentral({ url, name: 'hq', onProblem });
    t.teardown(async () => {
      await reader.close();
      await writer.close();
      await sqlite.close();
      rmSync(dir, { recursive: true });
    });
    await pullAll(sqlite, sources);
    await pullAll(writer, sources);
    const expected = await told(sqlite.telemetry, new Random(1));
    t.ok(JSON.stringify(expected) === JSON.stringify(await told(reader.telemetry, new Random(1))), 'the same answers');
    await t.rejects(async () => reader.telemetry.channel('same/a'), { code: 'query-invalid' });
    await t.rejects(async () => reader.telemetry.channel('same/x', 'box'), { code: 'channel-unknown' });

    sources[1]?.sealPack(['same/a', 'same/b'], 'number', 7);
    await pullAll(sqlite, sources);
    await pullAll(writer, sources);
    const grown = await told(sqlite.telemetry, new Random(2));
    t.ok(JSON.stringify(grown) === JSON.stringify(await told(reader.telemetry, new Random(2))), 'also what came since');
  });
}
