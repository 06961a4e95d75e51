import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { PackPieceMessage } from '../api/transfer-messages.ts';
import type { AheadSource } from './ahead-source.ts';
import type { HeldNumbers } from './held-numbers.ts';
import type { OpenPack, PackPieces } from './pack-pieces.ts';
import { samplesIn } from './pack-samples.ts';

export interface PacksAheadParts {
  readonly source: Pick<AheadSource, 'packAt'>;
  readonly pieces: PackPieces;
  /** Gets what is sent. */
  readonly held: HeldNumbers;
  /** Asked of every pack as it is handed on; what it throws ends the call. */
  readonly guard: (item: FeedItem) => void;
  /** Positions that may be next, looked up anew whenever those before are through; empty: none. */
  readonly candidates: () => readonly number[];
}

/** Sends packs ahead of their turn, one after the other, each once and none that the follower has. */
export class PacksAhead {
  readonly #parts: PacksAheadParts;
  #positions: number[] = [];
  #pack: OpenPack | undefined;

  constructor(parts: PacksAheadParts) {
    this.#parts = parts;
  }

  /** The next piece of at most `room` bytes; undefined where there is none. */
  next(room: number): PackPieceMessage | undefined {
    this.#pack ??= this.#begin();
    const pack = this.#pack;
    if (pack === undefined) return undefined;
    const piece = this.#parts.pieces.next(pack, room);
    if (pack.offset === pack.bytes.length) this.#pack = undefined;
    return piece;
  }

  #begin(): OpenPack | undefined {
    const { candidates } = this.#parts;
    for (;;) {
      if (this.#positions.length === 0) this.#positions = [...candidates()].reverse();
      const position = this.#positions.pop();
      if (position === undefined) return undefined;
      const pack = this.#opened(position);
      if (pack !== undefined) return pack;
    }
  }

  #opened(position: number): OpenPack | undefined {
    const { source, held, pieces, guard } = this.#parts;
    const item = source.packAt(position);
    const samples = item && samplesIn(item);
    if (item === undefined || samples === undefined || samples.every((each) => held.holds(each))) return undefined;
    if (!held.hasRoomFor(samples.length)) return undefined;
    guard(item);
    for (const each of samples) held.add(each);
    return pieces.open(item, true);
  }
}
