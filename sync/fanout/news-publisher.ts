import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { LiveUpdateMessage } from '../api/live-messages.ts';
import { sleep } from '../line/sleep.ts';
import { newsEvent } from './events.ts';
import { liveUpdates } from './live-update.ts';
import type { KeptMessage, NatsLink } from './nats-link.ts';
import type { NatsSubjects } from './nats-subjects.ts';
import type { NewsItem, NewsPage, NewsPlace, NewsSource } from './news.ts';
import { isPlace } from './resume-token.ts';

/** How far behind its store a cluster is brought up again, in positions. Beyond: what is older is passed over, and said to be. */
const BEHIND_POSITIONS_MAX = 200_000;

/** A place that was not used for so long is read again, milliseconds: another process may have gone on. */
const PLACE_MS = 10_000;

/** Wait after a failure, milliseconds. */
const RETRY_MS = 500;

export interface PublisherParts {
  readonly news: NewsSource;
  readonly link: NatsLink;
  readonly subjects: NatsSubjects;
  readonly central: string;
  /** Serializes an update. */
  readonly encode: (update: LiveUpdateMessage) => Uint8Array;
  /** True for a channel that may be published. */
  readonly allows: (gateway: string, channel: string) => boolean;
  readonly onProblem: (text: string) => void;
}

/** One gateway whose news are published. */
interface Published {
  running: Promise<void> | undefined;
  /** True when there may be more than when it last looked. */
  isNudged: boolean;
  place: NewsPlace | undefined;
  usedAt: number;
}

/**
 * Publishes what is kept of gateways, from the store and in its order. Nothing is queued for a cluster that is away: how far it was told stands
 * in the cluster itself, and from there it goes on, whichever process does.
 */
export class NewsPublisher {
  readonly #parts: PublisherParts;
  readonly #gateways = new Map<string, Published>();
  readonly #stopping = new AbortController();
  /** Positions that were passed over. */
  passedOver = 0;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** To be called by the process that keeps what comes of a gateway, whenever there may be news. */
  nudge(gateway: string): void {
    if (this.#stopping.signal.aborted) return;
    let published = this.#gateways.get(gateway);
    if (published === undefined) {
      published = { running: undefined, isNudged: true, place: undefined, usedAt: 0 };
      this.#gateways.set(gateway, published);
    }
    published.isNudged = true;
    published.running ??= this.#run(gateway, published);
  }

  /** Goes on with all that was left undone. */
  nudgeAll(): void {
    for (const gateway of this.#gateways.keys()) this.nudge(gateway);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#gateways.values()].map(({ running }) => running));
  }

  async #run(gateway: string, published: Published): Promise<void> {
    const { signal } = this.#stopping;
    while (published.isNudged && !signal.aborted) {
      published.isNudged = false;
      try {
        await this.#publishNews(gateway, published);
      } catch (error) {
        published.isNudged = true;
        published.place = undefined;
        const isOrdinary = error instanceof CaissonError && error.code === 'fanout-failed';
        if (!isOrdinary) this.#parts.onProblem(`news of ${gateway} cannot be published: ${messageOf(error)}`);
        await sleep(RETRY_MS, signal);
      }
    }
    published.running = undefined;
  }

  async #publishNews(gateway: string, published: Published): Promise<void> {
    const { news } = this.#parts;
    const isFresh = performance.now() - published.usedAt < PLACE_MS;
    let place = (isFresh ? published.place : undefined) ?? (await this.#begin(gateway));
    while (!this.#stopping.signal.aborted) {
      const page = await news.after(gateway, place);
      await this.#publishPage(gateway, page);
      const hasMoved = page.place.position !== place.position;
      place = page.place;
      if (hasMoved && page.items.length > 0) await this.#keepPlace(gateway, place);
      published.place = place;
      published.usedAt = performance.now();
      if (page.isEnd) return;
    }
  }

  /** Where the cluster was told up to; without a place there, or with one of another store: from now on. */
  async #begin(gateway: string): Promise<NewsPlace> {
    const { link, subjects, news } = this.#parts;
    const kept = await link.last('places', subjects.of('places', gateway));
    const end = await news.end(gateway);
    if (kept === undefined) {
      await this.#keepPlace(gateway, end);
      return end;
    }
    const place = parsePlace(kept);
    const isHere = (place.feed === end.feed || place.feed === '') && place.position <= end.position;
    if (isHere && end.position - place.position <= BEHIND_POSITIONS_MAX) return place;
    this.passedOver += isHere ? end.position - place.position : 0;
    await link.publish({
      subject: subjects.event(gateway, 'passed-over'),
      payload: this.#event('passed-over', gateway, { from: place.position, to: end.position }),
      id: `${end.feed} ${gateway} passed-over ${place.position}`,
    });
    await this.#keepPlace(gateway, end);
    return end;
  }

  #keepPlace(gateway: string, place: NewsPlace): Promise<void> {
    const { link, subjects } = this.#parts;
    const id = `${place.feed} ${gateway} ${place.position} ${Math.random()}`;
    return link.publish({ subject: subjects.of('places', gateway), payload: Buffer.from(JSON.stringify(place)), id });
  }

  async #publishPage(gateway: string, page: NewsPage): Promise<void> {
    if (page.items.length === 0) return;
    const { allows } = this.#parts;
    const items = page.items.filter((item) => item.kind === 'boot' || allows(gateway, item.run.channel));
    const messages = atPositions(items).flatMap((together) => this.#messagesOf(gateway, page.place.feed, together));
    const results = await Promise.allSettled(messages.map((message) => this.#parts.link.publish(message)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** What came with one position: always the same messages, whoever makes them and in whatever page. */
  #messagesOf(gateway: string, feed: string, items: readonly NewsItem[]): KeptMessage[] {
    const { subjects, encode } = this.#parts;
    const position = items[0]?.position ?? 0;
    const messages: KeptMessage[] = [];
    const samples = items.filter(({ kind }) => kind === 'samples');
    let part = 0;
    for (const update of liveUpdates(gateway, samples)) {
      const id = `${feed} ${gateway} ${position} samples ${part}`;
      messages.push({ subject: subjects.of('samples', gateway), payload: encode(update), id, position });
      part += 1;
    }
    for (const item of items) {
      if (item.kind === 'samples') continue;
      const { kind, ...more } = newsEvent(item);
      const id = `${feed} ${gateway} ${position} ${kind} ${part}`;
      messages.push({
        subject: subjects.event(gateway, kind),
        payload: this.#event(kind, gateway, more),
        id,
        position,
      });
      part += 1;
    }
    return messages;
  }

  #event(kind: string, gateway: string, more: object): Uint8Array {
    return Buffer.from(JSON.stringify({ kind, central: this.#parts.central, gateway, ...more }));
  }
}

/** A place as it is kept in the cluster; one that is none is of no store. */
function parsePlace(kept: Uint8Array): NewsPlace {
  try {
    const place: unknown = JSON.parse(Buffer.from(kept).toString());
    if (isPlace(place)) return place;
  } catch {
    // As one that is none.
  }
  return { feed: 'unreadable', position: 0 };
}

function atPositions(items: readonly NewsItem[]): NewsItem[][] {
  const groups: NewsItem[][] = [];
  for (const item of items) {
    const group = groups.at(-1);
    if (group?.[0]?.position === item.position) group.push(item);
    else groups.push([item]);
  }
  return groups;
}
