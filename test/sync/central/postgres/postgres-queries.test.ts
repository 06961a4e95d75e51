import t from 'tap';
import type { AskedTelemetry, Envelope, Samples, StoredChannel } from '../../../../gateway/query/telemetry.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import { requireTools } from '../../../debian.ts';
import { openBothCentrals, openSources } from '../both-centrals.ts';
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

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  await t.test('PostgreSQL answers what SQLite answers, bit for bit', async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    const sources = openSources(t, SEED, SERIES_PACKS, STEPS);
    const { sqlite, postgres, pull } = await openBothCentrals(t, await server.database(), sources);
    const expected = await told(sqlite.telemetry, new Random(1));
    t.ok(
      JSON.stringify(expected) === JSON.stringify(await told(postgres.telemetry, new Random(1))),
      'the same answers',
    );
    await t.rejects(async () => postgres.telemetry.channel('same/a'), { code: 'query-invalid' });
    await t.rejects(async () => postgres.telemetry.channel('same/x', 'box'), { code: 'channel-unknown' });

    sources[1]?.sealPack(['same/a', 'same/b'], 'number', 7);
    await pull();
    const grown = await told(sqlite.telemetry, new Random(2));
    t.ok(
      JSON.stringify(grown) === JSON.stringify(await told(postgres.telemetry, new Random(2))),
      'also what came since',
    );
  });
}
