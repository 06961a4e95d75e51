import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { BootPlace } from '../../gateway/store/feed.ts';
import { type FeedSource, feedIdOf } from '../api/pull-call.ts';
import { type AheadSource, aheadOf, type IsHeld, type PackItem, type Wish } from '../fidelity/ahead-source.ts';
import { chosenOf, requireNames } from './cut-items.ts';
import type { DestinationScope } from './destination-policy.ts';
import { type ChannelSource, KnownChannels } from './known-channels.ts';

/** Told of what is chosen of a feed. */
export interface PassedNotes {
  /** Before items are given: what stands behind a position is chosen by the definitions of now. */
  readonly chosen?: ((after: number) => void) | undefined;
  /** Nothing that stands behind `after`, and not behind `upTo`, goes there. */
  readonly passed?: (after: number, upTo: number) => void;
}

/**
 * A store's feed as one destination may have it: what is of channels that do not go there is not in it, by name or value. A
 * pack with blocks of both is cut: those that go keep identity, samples and clock, bit for bit. For one call.
 */
export class ScopedFeed implements FeedSource, AheadSource {
  readonly #source: FeedSource & ChannelSource;
  readonly #ahead: AheadSource | undefined;
  readonly #channels: KnownChannels;
  readonly #guard: KnownChannels;
  readonly #notes: PassedNotes;
  /** Up to where nothing goes there, from where the last look began. */
  #passed = { after: -1, upTo: -1 };

  constructor(source: FeedSource & ChannelSource, scope: DestinationScope, notes: PassedNotes = {}) {
    this.#source = source;
    this.#ahead = aheadOf(source);
    this.#channels = new KnownChannels(source, scope);
    this.#guard = new KnownChannels(source, scope);
    this.#notes = notes;
  }

  /** Of the source, which is read from its beginning for it: no destination stands there. */
  feedId(): string | undefined {
    const id = feedIdOf(this.#source);
    return id === '' ? undefined : id;
  }

  bootsUpTo(position: number): readonly BootPlace[] {
    return this.#source.bootsUpTo?.(position) ?? [];
  }

  feed(after: number, itemsMax: number, bytesMax: number): FeedItem[] {
    let from = this.#passed.after === after ? this.#passed.upTo : after;
    for (;;) {
      const items = this.#source.feed(from, itemsMax, bytesMax);
      const last = items.at(-1);
      if (last === undefined) return [];
      this.#channels.refresh();
      this.#notes.chosen?.(from);
      const chosen = items.flatMap((item) => this.#chosen(item));
      if (chosen.length > 0) return chosen;
      from = last.position;
      this.#passed = { after, upTo: from };
      this.#notes.passed?.(after, from);
    }
  }

  version(): string | undefined {
    return this.#source.version?.();
  }

  isSettled(): boolean {
    return this.#source.isSettled?.() ?? true;
  }

  terms(after: number, itemsMax: number): FeedItem[] {
    for (let from = after; ; ) {
      const items = this.#ahead?.terms(from, itemsMax) ?? [];
      const last = items.at(-1);
      if (last === undefined) return [];
      this.#channels.refresh();
      const chosen = items.flatMap((item) => this.#chosen(item));
      if (chosen.length > 0) return chosen;
      from = last.position;
    }
  }

  packsBefore(before: number, after: number, packsMax: number): number[] {
    return this.#ahead?.packsBefore(before, after, packsMax) ?? [];
  }

  recordPacks(after: number, packsMax: number): { readonly positions: readonly number[]; readonly upTo: number } {
    return this.#ahead?.recordPacks(after, packsMax) ?? { positions: [], upTo: after };
  }

  packAt(position: number): PackItem | undefined {
    const item = this.#ahead?.packAt(position);
    if (item === undefined) return undefined;
    this.#channels.refresh();
    const [chosen] = this.#chosen(item);
    return chosen?.kind === 'pack' ? chosen : undefined;
  }

  hasMoreThan(bytes: number, after: number): boolean {
    return this.#ahead?.hasMoreThan(bytes, after) ?? false;
  }

  /** What is asked for by name of a channel that does not go there finds nothing, as if there were none. */
  packsFor(wish: Wish, after: number, isHeld?: IsHeld): number[] {
    this.#channels.refresh();
    const channels = wish.channels.filter((name) => this.#channels.allowsAnywhere(wish.gateway, name));
    return channels.length === 0 ? [] : (this.#ahead?.packsFor({ ...wish, channels }, after, isHeld) ?? []);
  }

  /**
   * To be asked of every item when it is handed to the socket, because it was chosen earlier, and by other code.
   * @throws CaissonError `residency-violated` for one that must not go; the call ends with it
   */
  requireAllowed(item: FeedItem): void {
    this.#guard.refresh();
    if (!this.#guard.allowsAll) requireNames(item, (gateway, name) => this.#guard.allows(gateway, name));
  }

  #chosen(item: FeedItem): FeedItem[] {
    if (this.#channels.allowsAll) return [item];
    return chosenOf(item, (gateway, name) => this.#channels.allows(gateway, name));
  }
}
