import { CaissonError } from '../../gateway/errors.ts';
import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import type { BlockDb } from '../../gateway/store/block-db.ts';
import { passedBy } from '../../gateway/store/merge/merged-parts.ts';
import type { NewsPage, NewsPlace, NewsSource } from './news.ts';
import { NewsItems } from './news-items.ts';

/** Items of one page, and bytes of their packs. */
export const PAGE_ITEMS_MAX = 256;
export const PAGE_BYTES_MAX = 1 << 20;

/** The news of a central that keeps all in SQLite. */
export class SqliteNews implements NewsSource {
  readonly #db: BlockDb;
  readonly #items: NewsItems;

  constructor(db: BlockDb, onProblem: (text: string) => void) {
    this.#db = db;
    this.#items = new NewsItems(db, onProblem);
  }

  async end(gateway: string): Promise<NewsPlace> {
    return { feed: this.#feedOf(gateway), position: this.#db.lastPosition() };
  }

  async after(gateway: string, place: NewsPlace, wants?: (channel: string) => boolean): Promise<NewsPage> {
    const feed = this.#feedOf(gateway);
    requirePlace(gateway, place, { feed, position: this.#db.lastPosition() });
    const items = this.#db.feed(place.position, PAGE_ITEMS_MAX, PAGE_BYTES_MAX, gateway);
    const last = items.at(-1);
    const next: NewsPlace = { feed, position: last?.position ?? this.#db.lastPosition() };
    const passed = (position: number) => this.#passed(position, place.position);
    return { items: this.#items.of(gateway, items, wants, passed), place: next, isEnd: last === undefined };
  }

  channel(gateway: string, name: string): StoredChannel | undefined {
    return this.#items.channel(gateway, name);
  }

  /** Of a pack that was merged since a reader was told of some of those that it is made of: what those had. */
  #passed(position: number, place: number): number[] | undefined {
    return passedBy(this.#db.partsAt(position) ?? [], place);
  }

  /** The first boot of the gateway, which nobody else has, or what a store that was restored calls itself. */
  #feedOf(gateway: string): string {
    return this.#db.feedId() ?? this.#db.boots().find((boot) => boot.gateway === gateway)?.boot ?? '';
  }
}

/** @throws CaissonError `resume-lost` for a place that is not in this store; one taken before there was anything is the beginning */
export function requirePlace(gateway: string, { feed, position }: NewsPlace, end: NewsPlace): void {
  if ((feed === end.feed || feed === '') && position <= end.position) return;
  throw new CaissonError('resume-lost', `the place at ${position} of ${gateway} is of another store than this one`, {
    hint: 'query from the last sample that was dealt with, and subscribe anew',
  });
}
