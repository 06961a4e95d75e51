import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import type { SampleRun } from './sample-run.ts';

/** Sequence numbers whose samples are missing. `from` and `to` UTC, microseconds, both inclusive. */
export interface MissedRun {
  readonly boot: string;
  readonly channel: string;
  readonly firstSequence: number;
  /** 0 where nobody knows how many. */
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

/** What came to be known of a gateway: a boot, samples that were taken in, or numbers that are missing. */
export type NewsItem =
  | { readonly kind: 'boot'; readonly position: number; readonly boot: string; readonly started: number }
  | { readonly kind: 'samples'; readonly position: number; readonly run: SampleRun }
  | { readonly kind: 'missed'; readonly position: number; readonly run: MissedRun };

/** A place in the news of one gateway, which means the same to every process of a central. */
export interface NewsPlace {
  /** Of what store: places of another one mean nothing. */
  readonly feed: string;
  readonly position: number;
  /** Where the store is cut by months: that of the last pack. */
  readonly month?: number;
}

/** Some of the news of one gateway, and where to go on. */
export interface NewsPage {
  readonly items: readonly NewsItem[];
  readonly place: NewsPlace;
  /** True where nothing stood behind these when they were read. */
  readonly isEnd: boolean;
}

/**
 * What a central keeps of gateways, in the order in which it was committed: the truth that every kind of delivery rests on. What was made
 * anew of samples is not in it, because it is no news.
 */
export interface NewsSource {
  /** Behind everything that is kept of a gateway now. */
  end(gateway: string): Promise<NewsPlace>;
  /**
   * What came to be behind a place, about 1 MiB at most.
   * @param wants channels whose samples matter, by name; undefined: all
   * @throws CaissonError `resume-lost` for a place of another store; `store-failed`
   */
  after(gateway: string, place: NewsPlace, wants?: (channel: string) => boolean): Promise<NewsPage>;
  /** A channel as it was defined when news of its gateway were read last. */
  channel(gateway: string, name: string): StoredChannel | undefined;
}
