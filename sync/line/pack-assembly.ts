import { Buffer } from 'node:buffer';
import { CaissonError } from '../../gateway/errors.ts';
import { PACK_BYTES_MAX } from '../../gateway/limits.ts';

/** Packs that are put together at a time, and of which the other end is told when a call is opened. Beyond: refused, forgotten. */
const OPEN_MAX = 6;
const TOLD_MAX = 3;

/** Bytes of a pack, as they travel. */
export interface PackPiece {
  /** 0: goes on with the pack of the piece before, and says nothing else of it. */
  readonly position: number;
  readonly size: number;
  readonly offset: number;
  readonly check: Uint8Array;
  readonly bytes: Uint8Array;
  /** True: the pack comes ahead of its turn. */
  readonly ahead: boolean;
}

/** A pack that is whole, as far as its length goes. */
export interface WholePack {
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly isAhead: boolean;
}

/** How much there is of a pack. */
export interface PackPart {
  readonly position: number;
  readonly check: Uint8Array;
  readonly bytes: number;
}

interface OpenPack {
  readonly position: number;
  readonly check: Uint8Array;
  readonly bytes: Buffer;
  length: number;
  isAhead: boolean;
}

/**
 * Puts packs together from their pieces, and keeps what there is of them while the line is cut. They live in memory, at most
 * PACK_BYTES_MAX each: after a restart they travel again. That pieces of before and after a cut belong together is told by the
 * pack's checksum, by which the whole is verified where it is kept.
 */
export class PackAssembly {
  /** By position, the one that got a piece last at the end. */
  readonly #open = new Map<number, OpenPack>();
  #last: OpenPack | undefined;

  /** What there is of packs, the one that got a piece last at the end. */
  get parts(): PackPart[] {
    return [...this.#open.values()]
      .slice(-TOLD_MAX)
      .map(({ position, check, length }) => ({ position, check, bytes: length }));
  }

  /** A call begins: what is to be said of packs that the one before began. What is not told is forgotten. */
  reopen(): PackPart[] {
    const { parts } = this;
    for (const position of this.#open.keys()) {
      if (!parts.some((part) => part.position === position)) this.#open.delete(position);
    }
    this.#last = undefined;
    return parts;
  }

  /**
   * Takes the next piece. Returns the pack where it was the last.
   * @throws CaissonError `peer-invalid` for one that does not go on where the one before ended
   */
  add(piece: PackPiece): WholePack | undefined {
    const { position, bytes } = piece;
    const open = position === 0 ? this.#last : this.#begin(piece);
    if (open === undefined || bytes.length === 0 || open.length + bytes.length > open.bytes.length) {
      const known = open === undefined ? 'none' : `${open.length} of ${open.bytes.length} of pack ${open.position}`;
      this.#forget(open?.position ?? position);
      throw new CaissonError('peer-invalid', `a piece of ${bytes.length} bytes, where ${known} came before`);
    }
    open.bytes.set(bytes, open.length);
    open.length += bytes.length;
    this.#last = open;
    if (open.length < open.bytes.length) return undefined;
    this.#forget(open.position);
    return open;
  }

  /** The pack that a piece begins, or one that was begun with which it goes on. */
  #begin({ position, size, offset, check, ahead: isAhead }: PackPiece): OpenPack | undefined {
    const known = this.#open.get(position);
    this.#open.delete(position);
    const goesOn = offset > 0 && known?.length === offset && known.bytes.length === size;
    const begins = offset === 0 && size >= 1 && size <= PACK_BYTES_MAX && this.#open.size < OPEN_MAX;
    if (!goesOn && !begins) return undefined;
    const open = goesOn
      ? known
      : { position, check: Uint8Array.from(check), bytes: Buffer.allocUnsafeSlow(size), length: 0, isAhead };
    open.isAhead = isAhead;
    this.#open.set(position, open);
    return open;
  }

  #forget(position: number): void {
    this.#open.delete(position);
    this.#last = undefined;
  }
}
