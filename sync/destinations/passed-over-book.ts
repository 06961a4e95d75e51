import { joinedRuns } from '../../gateway/query/number-runs.ts';
import type { NumberRun } from '../../gateway/query/telemetry.ts';
import type { SettledStatus } from '../../gateway/status.ts';
import type { BlockReader } from '../../gateway/store/block-reader.ts';
import type { Extent } from '../../gateway/store/block-rows.ts';
import type { PassedOver } from '../../gateway/store/passed-over.ts';
import type { DestinationPolicy, DestinationScope } from './destination-policy.ts';

/** Destinations of which it is known. What did not go to others counts there as if it had been lost on the way. */
const DESTINATIONS_MAX = 64;

/** Stretches of one channel and destination. Beyond: the two oldest are taken as one, with what went between them. */
const STRETCHES_MAX = 32;

/** What is asked of the store of a gateway; `BlockReader` has it. */
export type PassedOverStore = Pick<BlockReader, 'boots' | 'channelsAfter' | 'channelBeginnings' | 'roots' | 'children'>;

export interface PassedOverParts {
  readonly store: PassedOverStore;
  readonly policy: DestinationPolicy;
  /** What was known when the gateway started. */
  readonly kept: PassedOver;
  /** To be kept for the next run. */
  readonly onChanged: (record: PassedOver) => void;
}

/** Positions: behind the first, up to the second. */
type Stretch = readonly [after: number, upTo: number];

/** One destination. */
interface Page {
  readonly scope: DestinationScope;
  /** Up to where definitions of channels were looked at. */
  defined: number;
  /** By id of the channel. */
  readonly borders: Map<string, number[]>;
  /** What was found last of {@link PassedOverBook.settled}; undefined: to be found out. */
  isConstant?: boolean | undefined;
  /** Of the stretch of the feed that was looked at last, and of which nothing goes there. */
  passed?: Stretch;
  /** What it was told last of how far all has come. */
  told?: SettledStatus | undefined;
}

/**
 * Knows of every channel which stretches of the feed did not go to which destination, because it was withheld when their turn came: what
 * goes there from now on is not lost where it is lacking from before. A channel begins and ceases to go with the config and with its
 * definition.
 */
export class PassedOverBook {
  readonly #parts: PassedOverParts;
  readonly #pages = new Map<string, Page>();

  constructor(parts: PassedOverParts) {
    this.#parts = parts;
    for (const [name, channels] of Object.entries(parts.kept)) {
      this.#pages.set(name, this.#page(name, Object.entries(channels)));
    }
  }

  /** To be told as a destination goes on: what stands behind `after` goes there by the definitions of now. */
  note(destination: string, after: number): void {
    const page = this.#pages.get(destination) ?? this.#page(destination, []);
    const { channels, position } = this.#parts.store.channelsAfter(page.defined);
    page.defined = position;
    let isChanged = false;
    for (const channel of channels) {
      const key = String(channel.id);
      const borders = page.borders.get(key) ?? [];
      const isWithheld = borders.length % 2 === 1;
      if (isWithheld === (page.scope.withheldBy(channel) !== undefined)) continue;
      // A stretch of nothing is none.
      if ((borders.at(-1) ?? -1) >= after) borders.pop();
      else borders.push(after);
      if (borders.length > 2 * STRETCHES_MAX) borders.splice(1, 2);
      if (borders.length > 0) page.borders.set(key, borders);
      else page.borders.delete(key);
      isChanged = true;
    }
    if (!this.#pages.has(destination) && this.#pages.size >= DESTINATIONS_MAX) return;
    this.#pages.set(destination, page);
    if (isChanged) {
      page.isConstant = undefined;
      this.#parts.onChanged(this.#record());
    }
  }

  /** To be told of a stretch of the feed, behind `after` and up to `upTo`, of which nothing goes to a destination by the definitions of now. */
  pass(destination: string, after: number, upTo: number): void {
    const page = this.#pages.get(destination);
    if (page !== undefined) page.passed = [after, upTo];
  }

  /**
   * What a destination is told of how far all has come, at a position that it reaches: one that gets not every channel ends before what it does not get. Undefined
   * where a channel may seem quiet to it that is not: it goes there now and did not always, or does not now and did once.
   */
  settled(destination: string, said: SettledStatus): SettledStatus | undefined {
    const page = this.#pages.get(destination);
    if (page === undefined) return undefined;
    // Until it is known where a new definition goes, what was true is true still.
    if (this.#parts.store.channelsAfter(page.defined).channels.length > 0) return page.told;
    page.isConstant ??= this.#isConstant(destination, page);
    const [after, upTo] = page.passed ?? [said.position, said.position];
    const isPassed = said.position > after && said.position <= upTo;
    page.told = page.isConstant ? { ...said, position: isPassed ? after : said.position } : undefined;
    return page.told;
  }

  /** Whether each channel always went to a destination as far as it is there, or never did. */
  #isConstant(destination: string, { borders }: Page): boolean {
    const beginnings = this.#parts.store.channelBeginnings();
    for (const [id, [after = 0, ...more]] of borders) {
      const channel = Number(id);
      const isWithheld = more.length % 2 === 0;
      const never = isWithheld && more.length === 0 && (beginnings.get(channel) ?? 0) > after;
      const always = !isWithheld && this.numbers(destination, channel).size === 0;
      if (!never && !always) return false;
    }
    return true;
  }

  /** Numbers of a channel that did not go to a destination, by id of the boot, ascending. */
  numbers(destination: string, channel: number): ReadonlyMap<string, readonly NumberRun[]> {
    const runs = new Map<string, NumberRun[]>();
    const borders = this.#pages.get(destination)?.borders.get(String(channel)) ?? [];
    if (borders.length === 0) return runs;
    const { store } = this.#parts;
    const names = new Map(store.boots().map(({ id, boot }) => [id, boot]));
    const visit = (extent: Extent, [after, upTo]: Stretch) => {
      const { firstPosition, lastPosition, firstSequence: first, endSequence: end, count } = extent;
      if (lastPosition <= after || firstPosition > upTo) return;
      const isInside = firstPosition > after && lastPosition <= upTo;
      const boot = extent.boot === undefined ? undefined : names.get(extent.boot);
      if (extent.level > 0 && !(isInside && boot !== undefined && count === end - first)) {
        for (const child of store.children(extent)) visit(child, [after, upTo]);
      } else if (boot !== undefined) {
        const known = runs.get(boot) ?? [];
        known.push({ first, end });
        runs.set(boot, known);
      }
    };
    for (const stretch of stretchesOf(borders)) {
      for (const extent of store.roots(channel)) visit(extent, stretch);
    }
    return new Map([...runs].map(([boot, each]) => [boot, joinedRuns(each)]));
  }

  #page(name: string, channels: readonly (readonly [string, readonly number[]])[]): Page {
    const borders = new Map(channels.map(([id, positions]) => [id, [...positions]]));
    return { scope: this.#parts.policy.scopeOf(name), defined: 0, borders };
  }

  #record(): PassedOver {
    return Object.fromEntries([...this.#pages].map(([name, { borders }]) => [name, Object.fromEntries(borders)]));
  }
}

/** What lies between the borders in turn; without an end where the last one is open. */
function stretchesOf(borders: readonly number[]): Stretch[] {
  return borders.flatMap((after, i): Stretch[] => {
    return i % 2 === 0 ? [[after, borders[i + 1] ?? Number.POSITIVE_INFINITY]] : [];
  });
}
