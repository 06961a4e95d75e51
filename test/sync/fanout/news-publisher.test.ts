import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import t, { type Test } from 'tap';
import { NatsLink } from '../../../sync/fanout/nats-link.ts';
import { NATS_DEFAULTS } from '../../../sync/fanout/nats-options.ts';
import { NatsSubjects } from '../../../sync/fanout/nats-subjects.ts';
import type { NewsPage, NewsPlace, NewsSource } from '../../../sync/fanout/news.ts';
import { NewsPublisher } from '../../../sync/fanout/news-publisher.ts';
import { requireTools } from '../../debian.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { NatsServer } from './nats-server.ts';

const HOST = '127.0.0.1';
const FEED = 'feed';
const LIMIT_MS = 60_000;

/** Positions of one page. */
const PAGE = 3;

/** News of which each position is a sample, and each page begins with a boot. */
class NumberedNews implements NewsSource {
  last = 0;

  end(): Promise<NewsPlace> {
    return Promise.resolve({ feed: FEED, position: this.last });
  }

  after(_gateway: string, { position: from }: NewsPlace): Promise<NewsPage> {
    const to = Math.min(from + PAGE, this.last);
    const positions = Array.from({ length: to - from }, (_, i) => from + 1 + i);
    const items = positions.map((position) =>
      position % PAGE === 1
        ? ({ kind: 'boot', position, boot: `boot ${position}`, started: position } as const)
        : ({ kind: 'samples', position, run: runAt(position) } as const),
    );
    return Promise.resolve({ items, place: { feed: FEED, position: to }, isEnd: to === this.last });
  }

  channel() {
    return undefined;
  }
}

function runAt(position: number) {
  const [times, values] = [Float64Array.of(position), Float64Array.of(position)];
  return { boot: 'boot', channel: 'speed', firstSequence: position, times, values, utcOffset: 0 };
}

/** Positions of all that a stream has, each once. */
async function positionsIn(port: number, topic: 'samples' | 'events'): Promise<number[]> {
  const nats = await connect({ servers: `${HOST}:${port}` });
  try {
    const { streams } = await jetstreamManager(nats);
    const stream = `caisson-hq-${topic}`;
    const { first_seq: first, last_seq: last } = (await streams.info(stream)).state;
    const positions = new Set<number>();
    for (let seq = first; seq <= last; seq += 1) {
      const message = await streams.getMessage(stream, { seq });
      if (message !== null) positions.add(Number(message.header.get('Caisson-Position')));
    }
    return [...positions].sort((a, b) => a - b);
  } finally {
    await nats.close();
  }
}

/** A server, and a publisher that tells it what becomes known of a gateway; `tellUpTo` resolves when the server was told. */
async function told(t: Test) {
  const server = await NatsServer.prepare(t);
  server.start();
  const subjects = new NatsSubjects('hq');
  const news = new NumberedNews();
  const onProblem = (text: string) => t.comment(text);
  const options = { ...NATS_DEFAULTS, servers: [`nats://${HOST}:${server.port}`], replicas: 1 };
  const link = new NatsLink({ options, subjects, process: 'p', onProblem, onUp: () => publisher.resume() });
  t.teardown(() => link.close());
  const publisher: NewsPublisher = new NewsPublisher({
    ...{ news, link, subjects, central: 'hq', allows: () => true, onProblem },
    encode: () => new Uint8Array(64),
  });
  t.teardown(() => publisher.stop());
  publisher.nudge('car');
  await eventually('it has a place', async () => (await placeOf(link, subjects)) === 0, LIMIT_MS);
  const tellUpTo = async (position: number) => {
    news.last = position;
    publisher.nudge('car');
    await eventually('it was told', async () => (await placeOf(link, subjects)) === position, LIMIT_MS);
  };
  return { server, tellUpTo, publisher };
}

async function placeOf(link: NatsLink, subjects: NatsSubjects): Promise<number | undefined> {
  try {
    const kept = await link.last('places', subjects.of('places', 'car'));
    return kept === undefined ? undefined : JSON.parse(Buffer.from(kept).toString()).position;
  } catch {
    return undefined;
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
const isSample = (position: number) => position % PAGE !== 1;

if (requireTools(t, 'nats')) {
  for (const topic of ['samples', 'events'] as const) {
    t.test(`${topic} that a server had acknowledged and lost with a crash are told again`, async (t) => {
      const { server, tellUpTo } = await told(t);
      await tellUpTo(15);
      const expected = upTo(15).filter((position) => isSample(position) === (topic === 'samples'));
      t.same(await positionsIn(server.port, topic), expected);
      await server.kill();
      server.loseEnd(`caisson-hq-${topic}`, 0.4);
      server.start();
      await eventually(
        'all is there again',
        async () => {
          const positions = await positionsIn(server.port, topic).catch(() => []);
          return positions.length === expected.length;
        },
        LIMIT_MS,
      );
      t.same(await positionsIn(server.port, topic), expected);
      await tellUpTo(18);
      const more = upTo(18).filter((position) => isSample(position) === (topic === 'samples'));
      t.same(await positionsIn(server.port, topic), more, 'and it goes on');
    });
  }
}
