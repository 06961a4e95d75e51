import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { PackPieceMessage } from '../api/transfer-messages.ts';
import { chosenOf } from '../destinations/cut-items.ts';
import type { AheadSource, PackItem, Wish } from './ahead-source.ts';
import { HeldNumbers } from './held-numbers.ts';
import type { PackPieces } from './pack-pieces.ts';
import { PacksAhead } from './packs-ahead.ts';
import { Wishes } from './wishes.ts';

export interface PastAheadParts {
  readonly source: Pick<AheadSource, 'packAt' | 'packsFor'>;
  readonly pieces: PackPieces;
  /** Asked of every pack as it is handed on; what it throws ends the call. */
  readonly guard: (item: FeedItem) => void;
  /** Position up to which everything was sent, or is on its way. */
  readonly after: () => number;
}

/**
 * Sends what someone wishes of the part of the feed that has gone by: of its packs only the blocks of wished channels, and only those of
 * which the follower lacks samples.
 */
export class PastAhead {
  readonly #source: PastAheadParts['source'];
  readonly #held = new HeldNumbers();
  readonly #names = new Set<string>();
  readonly #wishes: Wishes;
  readonly #packs: PacksAhead;

  constructor({ source, pieces, guard, after }: PastAheadParts) {
    this.#source = source;
    this.#wishes = new Wishes({ packsFor: (wish, upTo) => this.#lacked(wish, upTo) }, after);
    this.#packs = new PacksAhead({
      ...{ pieces, guard, held: this.#held },
      source: { packAt: (position) => this.#cutPack(position) },
      candidates: () => this.#wishes.next(),
    });
  }

  get isEmpty(): boolean {
    return this.#wishes.isEmpty;
  }

  add(wish: Wish): void {
    for (const { gateway, boot, channel, runs } of wish.past ?? []) {
      for (let i = 0; i + 1 < runs.length; i += 2) {
        this.#held.add({ gateway, boot, channel, first: runs[i] ?? 0, end: runs[i + 1] ?? 0 });
      }
    }
    for (const name of wish.channels) this.#names.add(name);
    this.#wishes.add(wish);
  }

  /** The next piece of at most `room` bytes; undefined where there is none. */
  next(room: number): PackPieceMessage | undefined {
    return this.#packs.next(room);
  }

  #lacked(wish: Wish, upTo: number): number[] {
    const positions = this.#source.packsFor(wish, 0, (samples) => this.#held.holds(samples));
    return positions.filter((position) => position <= upTo);
  }

  #cutPack(position: number): PackItem | undefined {
    const item = this.#source.packAt(position);
    const [chosen] = item === undefined ? [] : chosenOf(item, (_, name) => this.#names.has(name));
    return chosen?.kind === 'pack' ? chosen : undefined;
  }
}
