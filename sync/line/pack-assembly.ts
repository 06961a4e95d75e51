import { Buffer } from 'node:buffer';
import { CaissonError } from '../../gateway/errors.ts';
import { PACK_BYTES_MAX } from '../../gateway/limits.ts';

/** Bytes of a pack, as they travel. */
export interface PackPiece {
  /** 0: goes on with the pack of the piece before, and says nothing else of it. */
  readonly position: number;
  readonly size: number;
  readonly offset: number;
  readonly check: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A pack that is whole, as far as its length goes. */
export interface WholePack {
  readonly position: number;
  readonly bytes: Uint8Array;
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
}

/**
 * Puts a pack together from its pieces, and keeps what there is of it while the line is cut. It lives in memory, at most
 * PACK_BYTES_MAX: after a restart one pack travels again. That pieces of before and after a cut belong together is told by the
 * pack's checksum, by which the whole is verified where it is kept.
 */
export class PackAssembly {
  #open: OpenPack | undefined;

  /** What is to be said when a call is opened. */
  get part(): PackPart | undefined {
    if (this.#open === undefined) return undefined;
    const { position, check, length } = this.#open;
    return { position, check, bytes: length };
  }

  /**
   * Takes the next piece. Returns the pack where it was the last.
   * @throws CaissonError `peer-invalid` for one that does not go on where the one before ended
   */
  add(piece: PackPiece): WholePack | undefined {
    const { position, bytes } = piece;
    const open = position === 0 ? this.#open : this.#begin(piece);
    if (open === undefined || bytes.length === 0 || open.length + bytes.length > open.bytes.length) {
      const known = open === undefined ? 'none' : `${open.length} of ${open.bytes.length} of pack ${open.position}`;
      this.#open = undefined;
      throw new CaissonError('peer-invalid', `a piece of ${bytes.length} bytes, where ${known} came before`);
    }
    open.bytes.set(bytes, open.length);
    open.length += bytes.length;
    if (open.length < open.bytes.length) return undefined;
    this.#open = undefined;
    return open;
  }

  /** The pack that a piece begins, or that of the call before with which it goes on. */
  #begin({ position, size, offset, check }: PackPiece): OpenPack | undefined {
    const open = this.#open;
    this.#open = undefined;
    if (offset > 0) {
      if (open?.position === position && open.length === offset && open.bytes.length === size) this.#open = open;
    } else if (size >= 1 && size <= PACK_BYTES_MAX) {
      this.#open = { position, check: Uint8Array.from(check), bytes: Buffer.allocUnsafeSlow(size), length: 0 };
    }
    return this.#open;
  }
}
