import { isRecordChannel } from '../../gateway/analysis/record-channels.ts';
import { BootClocks } from '../../gateway/query/utc.ts';
import type { BlockReader } from '../../gateway/store/block-reader.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { HeldChannel, NumberedSamples } from './held-numbers.ts';
import { samplesIn } from './pack-samples.ts';

export type PackItem = Extract<FeedItem, { kind: 'pack' }>;

/** Channels and a stretch of time that someone needs now. */
export interface Wish {
  /** Whose channels; empty: of every gateway in the feed. */
  readonly gateway: string;
  readonly channels: readonly string[];
  /** UTC, microseconds, inclusive. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** True: outlines are enough. */
  readonly outlines: boolean;
  /**
   * What the follower has of those channels: the samples of theirs that it lacks come also where the feed has gone by without them, because
   * they did not go there then or were left out. Missing: only what the feed still has before it.
   */
  readonly past?: readonly HeldChannel[];
}

/** True where a follower has all of some samples. */
export type IsHeld = (samples: NumberedSamples) => boolean;

/** What a feed is asked where something is to come ahead of its turn. */
export interface AheadSource {
  /** What packs refer to, and what happened, after `after`, in order. */
  terms(after: number, itemsMax: number): FeedItem[];
  /** Positions of packs in (after, before), the newest first. */
  packsBefore(before: number, after: number, packsMax: number): number[];
  /** Looks at the next few packs after `after`: which have records of cycles and sessions, and nothing else, ascending, and up to where it looked. */
  recordPacks(after: number, packsMax: number): { readonly positions: readonly number[]; readonly upTo: number };
  /** Undefined where it is gone, or nothing of it may be seen. */
  packAt(position: number): PackItem | undefined;
  /** True where packs after `after` have more than so many bytes. */
  hasMoreThan(bytes: number, after: number): boolean;
  /** Positions of packs after `after` with samples of a wish that are not held, ascending. */
  packsFor(wish: Wish, after: number, isHeld?: IsHeld): number[];
}

type StoredFeed = Pick<
  BlockReader,
  | 'boots'
  | 'channelsAfter'
  | 'clockAfter'
  | 'derivedBootsAfter'
  | 'hasMoreThan'
  | 'overlapping'
  | 'packAt'
  | 'packRosters'
  | 'packsBefore'
  | 'rosterNames'
  | 'snapshot'
  | 'terms'
>;

/** The same over a store of blocks. */
export class StoreAhead implements AheadSource {
  readonly #store: StoredFeed;
  readonly #clocks = new BootClocks();

  constructor(store: StoredFeed) {
    this.#store = store;
  }

  terms(after: number, itemsMax: number): FeedItem[] {
    return this.#store.terms(after, itemsMax);
  }

  packsBefore(before: number, after: number, packsMax: number): number[] {
    return this.#store.packsBefore(before, after, packsMax);
  }

  recordPacks(after: number, packsMax: number): { positions: readonly number[]; upTo: number } {
    const packs = this.#store.packRosters(after, packsMax);
    const rosters = new Map<number, boolean>();
    const positions = packs.flatMap(({ position, roster }) => {
      const mayHave = rosters.get(roster) ?? this.#store.rosterNames(roster).some(isRecordChannel);
      rosters.set(roster, mayHave);
      return mayHave && this.#isOfRecords(position) ? [position] : [];
    });
    return { positions, upTo: packs.at(-1)?.position ?? after };
  }

  packAt(position: number): PackItem | undefined {
    return this.#store.packAt(position);
  }

  hasMoreThan(bytes: number, after: number): boolean {
    return this.#store.hasMoreThan(bytes, after);
  }

  packsFor({ gateway, channels, from, to }: Wish, after: number, isHeld: IsHeld = () => false): number[] {
    return this.#store.snapshot(() => {
      this.#clocks.poll(this.#store);
      const { least, greatest } = this.#clocks.span();
      const wished = this.#store
        .channelsAfter(0)
        .channels.filter(
          (channel) => channels.includes(channel.name) && (gateway || channel.gateway) === channel.gateway,
        );
      const boots = new Map(this.#store.boots().map((boot) => [boot.id, boot.boot]));
      const positions = wished.flatMap(({ id, gateway: of, name: channel }) =>
        this.#store.overlapping(id, from - greatest, to - least).flatMap((extent) => {
          const { boot = 0, stamp, timeMin, timeMax, firstPosition, firstSequence: first, endSequence: end } = extent;
          const { least: low, greatest: high } = this.#clocks.of(boot, stamp).span(timeMin, timeMax);
          const isWished =
            extent.thinned === undefined && firstPosition > after && timeMin + low < to && timeMax + high >= from;
          const isLacking = isWished && !isHeld({ gateway: of, boot: boots.get(boot) ?? '', channel, first, end });
          return isLacking ? [firstPosition] : [];
        }),
      );
      return [...new Set(positions)].sort((a, b) => a - b);
    });
  }

  /** A roster may have channels that a pack of it has not. */
  #isOfRecords(position: number): boolean {
    const pack = this.#store.packAt(position);
    const samples = pack && samplesIn(pack);
    return samples?.every(({ channel }) => isRecordChannel(channel)) ?? false;
  }
}

/** What of a feed can come ahead of its turn; undefined for one that is only told in order. */
export function aheadOf(feed: object): AheadSource | undefined {
  if ('packsFor' in feed) return feed as AheadSource;
  return 'packsBefore' in feed && 'overlapping' in feed ? new StoreAhead(feed as StoredFeed) : undefined;
}
