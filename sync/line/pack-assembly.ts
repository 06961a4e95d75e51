import { Buffer } from 'node:buffer';
import { CaissonError } from '../../gateway/errors.ts';
import { PACK_BYTES_MAX } from '../../gateway/limits.ts';

/** Bytes of a pack, as they travel. */
export interface PackPiece {
  readonly position: number;
  readonly size: number;
  readonly offset: number;
  readonly check: Uint8Array;
  readonly bytes: Uint8Array;
}

/** How much there is of a pack. */
export interface PackPart {
  readonly position: number;
  readonly check: Uint8Array;
  readonly bytes: number;
}

/**
 * Puts a pack together from its pieces, and keeps what there is of it while the line is cut. It lives in memory, at most
 * PACK_BYTES_MAX: after a restart one pack travels again. That pieces of before and after a cut belong together is told by the
 * pack's checksum, by which the whole is verified where it is kept.
 */
export class PackAssembly {
  #open: { readonly position: number; readonly check: Uint8Array; readonly bytes: Buffer; length: number } | undefined;

  /** What is to be said when a call is opened. */
  get part(): PackPart | undefined {
    if (this.#open === undefined) return undefined;
    const { position, check, length } = this.#open;
    return { position, check, bytes: length };
  }

  /**
   * Takes the next piece. Returns the bytes of the pack where it was the last.
   * @throws CaissonError `peer-invalid` for one that does not go on where the one before ended
   */
  add({ position, size, offset, check, bytes }: PackPiece): Uint8Array | undefined {
    if (size < 1 || size > PACK_BYTES_MAX || offset + bytes.length > size || bytes.length === 0) {
      throw new CaissonError('peer-invalid', `a piece of ${bytes.length} bytes at ${offset} of a pack of ${size}`);
    }
    if (offset === 0) {
      this.#open = { position, check: Uint8Array.from(check), bytes: Buffer.allocUnsafeSlow(size), length: 0 };
    }
    const open = this.#open;
    if (open === undefined || open.position !== position || open.length !== offset || open.bytes.length !== size) {
      const known =
        open === undefined ? 'none' : `${open.length} of ${open.bytes.length} bytes of pack ${open.position}`;
      this.#open = undefined;
      throw new CaissonError(
        'peer-invalid',
        `a piece at ${offset} of ${size} bytes of pack ${position}, where ${known} came before`,
      );
    }
    open.bytes.set(bytes, offset);
    open.length += bytes.length;
    if (open.length < size) return undefined;
    this.#open = undefined;
    return open.bytes;
  }
}
