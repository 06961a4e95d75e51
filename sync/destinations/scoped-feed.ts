import { CaissonError } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { BootPlace } from '../../gateway/store/feed.ts';
import { encodePack } from '../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import { type FeedSource, feedIdOf } from '../api/pull-call.ts';
import { type AheadSource, aheadOf, type PackItem, type Wish } from '../fidelity/ahead-source.ts';
import type { DestinationScope } from './destination-policy.ts';
import { type ChannelSource, KnownChannels } from './known-channels.ts';

/**
 * A store's feed as one destination may have it: what is of channels that do not go there is not in it, by name or value. A
 * pack with blocks of both is cut: those that go keep identity, samples and clock, bit for bit. For one call.
 */
export class ScopedFeed implements FeedSource, AheadSource {
  readonly #source: FeedSource & ChannelSource;
  readonly #ahead: AheadSource | undefined;
  readonly #channels: KnownChannels;
  readonly #guard: KnownChannels;
  readonly #note: (after: number) => void;
  /** Up to where nothing goes there, from where the last look began. */
  #passed = { after: -1, upTo: -1 };

  /** @param note told, before items are given, that what stands behind a position is chosen by the definitions of now */
  constructor(source: FeedSource & ChannelSource, scope: DestinationScope, note: (after: number) => void = () => {}) {
    this.#source = source;
    this.#ahead = aheadOf(source);
    this.#channels = new KnownChannels(source, scope);
    this.#guard = new KnownChannels(source, scope);
    this.#note = note;
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
      this.#note(from);
      const chosen = items.flatMap((item) => this.#chosen(item));
      if (chosen.length > 0) return chosen;
      from = last.position;
      this.#passed = { after, upTo: from };
    }
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
  packsFor(wish: Wish, after: number): number[] {
    this.#channels.refresh();
    const channels = wish.channels.filter((name) => this.#channels.allowsAnywhere(wish.gateway, name));
    return channels.length === 0 ? [] : (this.#ahead?.packsFor({ ...wish, channels }, after) ?? []);
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

/** True for a channel of a gateway that may go. */
export type AllowedNames = (gateway: string, name: string) => boolean;

/** An item with only what may go; nothing where nothing of it may. */
export function chosenOf(item: FeedItem, allows: AllowedNames): FeedItem[] {
  switch (item.kind) {
    case 'boot':
    case 'clock':
      return [item];
    case 'channel':
      return allows(item.gateway, item.definition.name) ? [item] : [];
    case 'gap':
      return allows(item.gateway, item.channel) ? [item] : [];
    case 'given-up': {
      const gaps = item.gaps.filter(({ channel }) => allows(item.gateway, channel));
      return gaps.length > 0 ? [{ ...item, gaps }] : [];
    }
    case 'derivation': {
      const channels = item.channels.filter((channel) => allows(item.gateway, channel));
      if (channels.length === item.channels.length) return [item];
      // The recipe may name what is withheld.
      const derivation = { ...item.derivation, recipe: { kind: item.derivation.recipe.kind } };
      return channels.length > 0 ? [{ ...item, channels, derivation }] : [];
    }
    case 'pack': {
      const bytes = cutPack(item.bytes, allows);
      return bytes === undefined ? [] : [{ ...item, bytes }];
    }
  }
}

/** @throws CaissonError `residency-violated` for an item that names a channel that may not go */
export function requireNames(item: FeedItem, allows: AllowedNames): void {
  for (const { gateway, channel } of channelsOf(item)) {
    if (allows(gateway, channel)) continue;
    throw new CaissonError('residency-violated', `item ${item.position} of the feed holds a channel that must stay`);
  }
}

/** A pack with only the blocks that may go: the very bytes where all may, undefined where none may. The same input gives the same bytes. */
function cutPack(bytes: Uint8Array, allows: (gateway: string, name: string) => boolean): Uint8Array | undefined {
  const pack = Pack.open(bytes);
  const chosen = pack.blocks.flatMap((block, index) => {
    return allows(pack.header.gateway, block.channel) ? [{ block, index }] : [];
  });
  if (chosen.length === pack.blocks.length) return bytes;
  if (chosen.length === 0) return undefined;
  const blocks = chosen.map(({ block: { channel, type, firstSequence }, index }) => {
    return { channel, type, firstSequence, ...pack.samples(index) };
  });
  return encodePack(pack.header, blocks);
}

/** Every channel that an item names. */
function channelsOf(item: FeedItem): { readonly gateway: string; readonly channel: string }[] {
  switch (item.kind) {
    case 'boot':
    case 'clock':
      return [];
    case 'channel':
      return [{ gateway: item.gateway, channel: item.definition.name }];
    case 'gap':
      return [{ gateway: item.gateway, channel: item.channel }];
    case 'given-up':
      return item.gaps.map(({ channel }) => ({ gateway: item.gateway, channel }));
    case 'derivation':
      return item.channels.map((channel) => ({ gateway: item.gateway, channel }));
    case 'pack': {
      const { header, blocks } = Pack.open(item.bytes);
      return blocks.map(({ channel }) => ({ gateway: header.gateway, channel }));
    }
  }
}
