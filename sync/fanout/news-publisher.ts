import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { LiveUpdateMessage } from '../api/live-messages.ts';
import { sleep } from '../line/sleep.ts';
import { newsEvent } from './events.ts';
import { liveUpdates } from './live-update.ts';
import type { KeptMessage, NatsLink } from './nats-link.ts';
import type { NatsSubjects } from './nats-subjects.ts';
import type { NewsItem, NewsPage, NewsPlace, NewsSource } from './news.ts';
import {
  decodePlaces,
  encodePlaces,
  goneOnTo,
  laterOf,
  type ToldMessage,
  type ToldPlace,
  type ToldPlaces,
} from './told-place.ts';

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

interface TopicMessage extends KeptMessage {
  readonly topic: 'samples' | 'events';
}

/** What cannot be read is of no store. */
const UNREADABLE: NewsPlace = { feed: 'unreadable', position: 0 };

/** One gateway whose news are published. */
interface Published {
  running: Promise<void> | undefined;
  /** True when there may be more than when it last looked. */
  isNudged: boolean;
  /** Up to where it was told, and before, latest first; undefined: the cluster is to be asked. */
  places: ToldPlaces | undefined;
  usedAt: number;
  /** How often the cluster had come back then. */
  times: number;
}

/**
 * Publishes what is kept of gateways, from the store and in its order. Nothing is queued for a cluster that is away: how far it was told stands
 * in the cluster itself, and from there it goes on, whichever process does. What a cluster lost that it had
 * acknowledged, at its end, it is told again.
 */
export class NewsPublisher {
  readonly #parts: PublisherParts;
  readonly #gateways = new Map<string, Published>();
  readonly #stopping = new AbortController();
  /** How often the cluster came back: what was known of it before may not hold. */
  #times = 0;
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
      published = { running: undefined, isNudged: true, places: undefined, usedAt: 0, times: 0 };
      this.#gateways.set(gateway, published);
    }
    published.isNudged = true;
    published.running ??= this.#run(gateway, published);
  }

  /** To be called when the cluster is there again: goes on with all that was left undone, from what it still has. */
  resume(): void {
    this.#times += 1;
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
        published.places = undefined;
        const isOrdinary = error instanceof CaissonError && error.code === 'fanout-failed';
        if (!isOrdinary) this.#parts.onProblem(`news of ${gateway} cannot be published: ${messageOf(error)}`);
        await sleep(RETRY_MS, signal);
      }
    }
    published.running = undefined;
  }

  async #publishNews(gateway: string, published: Published): Promise<void> {
    const { news } = this.#parts;
    while (!this.#stopping.signal.aborted) {
      const times = this.#times;
      const isKnown = published.times === times && performance.now() - published.usedAt < PLACE_MS;
      let places = (isKnown ? published.places : undefined) ?? (await this.#begin(gateway));
      const [last] = places;
      const page = await news.after(gateway, last);
      if (this.#times !== times) continue;
      const place = { ...page.place, ...(await this.#publishPage(gateway, page, last)) };
      if (page.place.position !== last.position && page.items.length > 0) {
        places = goneOnTo(place, places);
        await this.#keepPlaces(gateway, places);
      } else places = [place, ...places.slice(1)];
      Object.assign(published, { places, times, usedAt: performance.now() });
      if (page.isEnd) return;
    }
  }

  /** Up to where the cluster was told, and still knows; without a place there, or with one of another store: from now on. */
  async #begin(gateway: string): Promise<ToldPlaces> {
    const { link, subjects, news } = this.#parts;
    const kept = await link.last('places', subjects.of('places', gateway));
    const end = await news.end(gateway);
    if (kept === undefined) return this.#beginAt(gateway, end);
    const places = await this.#intact(decodePlaces(kept));
    const place = places?.[0] ?? UNREADABLE;
    const isHere = (place.feed === end.feed || place.feed === '') && place.position <= end.position;
    if (places !== undefined && isHere && end.position - place.position <= BEHIND_POSITIONS_MAX) return places;
    this.passedOver += isHere ? end.position - place.position : 0;
    await link.publish({
      subject: subjects.event(gateway, 'passed-over'),
      payload: this.#event('passed-over', gateway, { from: place.position, to: end.position }),
      id: `${end.feed} ${gateway} passed-over ${place.position}`,
    });
    return this.#beginAt(gateway, end);
  }

  /** The places from the last one on up to which nothing is lost of what was told; where something is lost at each, the oldest. */
  async #intact(places: readonly ToldPlace[]): Promise<ToldPlaces | undefined> {
    for (const [i, place] of places.entries()) {
      const hasAll = (await this.#hasStill('samples', place.samples)) && (await this.#hasStill('events', place.events));
      if (hasAll) return [place, ...places.slice(i + 1)];
    }
    const oldest = places.at(-1);
    if (oldest === undefined) return undefined;
    // The streams count anew.
    const { samples: _samples, events: _events, ...place } = oldest;
    return [place];
  }

  async #hasStill(topic: 'samples' | 'events', last: ToldMessage | undefined): Promise<boolean> {
    return last === undefined || this.#parts.link.hasStill(topic, last);
  }

  async #beginAt(gateway: string, place: NewsPlace): Promise<ToldPlaces> {
    await this.#keepPlaces(gateway, [place]);
    return [place];
  }

  async #keepPlaces(gateway: string, places: ToldPlaces): Promise<void> {
    const { link, subjects } = this.#parts;
    const [{ feed, position }] = places;
    const id = `${feed} ${gateway} ${position} ${Math.random()}`;
    await link.publish({ subject: subjects.of('places', gateway), payload: encodePlaces(places), id });
  }

  /** Returns the last messages of the streams, those of a page before included. */
  async #publishPage(
    gateway: string,
    page: NewsPage,
    before: Pick<ToldPlace, 'samples' | 'events'>,
  ): Promise<Pick<ToldPlace, 'samples' | 'events'>> {
    const { allows, link } = this.#parts;
    const told = {
      ...(before.samples && { samples: before.samples }),
      ...(before.events && { events: before.events }),
    };
    if (page.items.length === 0) return told;
    const items = page.items.filter((item) => item.kind === 'boot' || allows(gateway, item.run.channel));
    const messages = atPositions(items).flatMap((together) => this.#messagesOf(gateway, page.place.feed, together));
    const results = await Promise.allSettled(messages.map((message) => link.publish(message)));
    for (const [i, result] of results.entries()) {
      if (result.status === 'rejected') throw result.reason;
      const topic = messages[i]?.topic ?? 'samples';
      const last = laterOf(told[topic], result.value);
      if (last !== undefined) told[topic] = last;
    }
    return told;
  }

  /** What came with one position: always the same messages, whoever makes them and in whatever page. */
  #messagesOf(gateway: string, feed: string, items: readonly NewsItem[]): TopicMessage[] {
    const { subjects, encode } = this.#parts;
    const position = items[0]?.position ?? 0;
    const messages: TopicMessage[] = [];
    const samples = items.filter(({ kind }) => kind === 'samples');
    let part = 0;
    for (const update of liveUpdates(gateway, samples)) {
      const id = `${feed} ${gateway} ${position} samples ${part}`;
      messages.push({
        topic: 'samples',
        subject: subjects.of('samples', gateway),
        payload: encode(update),
        id,
        position,
      });
      part += 1;
    }
    for (const item of items) {
      if (item.kind === 'samples') continue;
      const { kind, ...more } = newsEvent(item);
      const id = `${feed} ${gateway} ${position} ${kind} ${part}`;
      messages.push({
        topic: 'events',
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

function atPositions(items: readonly NewsItem[]): NewsItem[][] {
  const groups: NewsItem[][] = [];
  for (const item of items) {
    const group = groups.at(-1);
    if (group?.[0]?.position === item.position) group.push(item);
    else groups.push([item]);
  }
  return groups;
}
