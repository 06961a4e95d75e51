import { closeSync, fstatSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { isFull } from '../disk-room.ts';

/** Its size, on a disk that is large enough. */
export const BALLAST_BYTES = 16 << 20;

/** With less free on the disk than this it is given up before a store is opened: databases write to be opened. */
const OPEN_BYTES = 8 << 20;

/** Bytes added at a time: a step that no commit notices. */
const PIECE_BYTES = 1 << 20;

/** Share of the disk that the ballast takes, where that is less than its bytes: a small disk is for samples. */
const DISK_SHARE = 0.02;

/** Room that must be left when it is made, as a multiple of its own size. */
const ROOM_FACTOR = 3;

/**
 * A file of no use but its size: when the disk is full to the last byte it is given up, because to delete something a
 * database must first write. Made again in small pieces when there is room.
 */
export class Ballast {
  readonly #path: string;
  readonly #bytesMax: number;
  #size: number;

  constructor(path: string, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#size = sizeOf(path);
  }

  /** Bytes that giving it up makes free. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a piece, where there is room to spare. Returns true while more is to be added.
   * @param freeBytes room of the disk
   */
  grow(freeBytes: number, diskBytes: number): boolean {
    const wanted = Math.min(this.#bytesMax, Math.floor(DISK_SHARE * diskBytes));
    const missing = wanted - this.#size;
    if (missing <= 0 || freeBytes < ROOM_FACTOR * wanted) return false;
    try {
      this.#append(Math.min(missing, PIECE_BYTES));
    } catch (error) {
      if (!isFull(error)) throw error;
      this.giveUp();
      return false;
    }
    return this.#size < wanted;
  }

  /** Gives itself up where the disk is so full that a store could not be opened. */
  makeRoomToOpen(freeBytes: number): void {
    if (freeBytes < OPEN_BYTES) this.giveUp();
  }

  /** Returns the bytes that are free by that. */
  giveUp(): number {
    rmSync(this.#path, { force: true });
    const freed = this.#size;
    this.#size = 0;
    return freed;
  }

  #append(bytes: number): void {
    const file = openSync(this.#path, 'a');
    try {
      // Not zeros: a file system that compresses would keep them for nothing, and give nothing back.
      writeSync(file, noise(bytes, this.#size));
      this.#size = fstatSync(file).size;
    } finally {
      closeSync(file);
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Bytes that do not compress: xorshift32, from a seed that is never 0. */
function noise(bytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  for (let i = 0; i < words.length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}
