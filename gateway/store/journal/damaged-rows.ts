import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import { JOURNAL_DAMAGED_MAX } from '../../limits.ts';
import type { Damage } from './journal-scan.ts';
import { PAGE_BYTES } from './record.ts';
import { readRange, type SegmentFile, writeAll } from './segment-files.ts';

const UNFINISHED = 'setting-aside';

/** Something of the journal that cannot be read. */
export interface DamagedRow {
  /** The first of the rows. */
  readonly row: number;
  readonly reason: string;
}

/**
 * Keeps what cannot be read of a journal, in files beside the segments, for whoever wants to find out why: segments are
 * recycled. What has such a file was told before, and is not told again.
 */
export class DamagedRows {
  readonly #dir: string;
  readonly #found: DamagedRow[] = [];
  #files: number;

  constructor(dir: string) {
    this.#dir = dir;
    this.#files = readdirSync(dir).filter((name) => /^(damaged|foreign)-/.test(name)).length;
  }

  /** What was found, without what was told before. */
  get found(): readonly DamagedRow[] {
    return this.#found;
  }

  keepRanges({ row, reason, ranges }: Damage): void {
    this.#keep(row, reason, () => ranges.map(({ path, from, to }) => withoutEnd(readRange(path, from, to))));
  }

  keepBytes(row: number, reason: string, bytes: Uint8Array): void {
    this.#keep(row, reason, () => [bytes]);
  }

  /** Takes a segment with records of another store out of the way, as it is. */
  keepForeign({ id, path }: SegmentFile): void {
    let to = join(this.#dir, `foreign-${id}`);
    for (let again = 2; existsSync(to); again += 1) to = join(this.#dir, `foreign-${id}-${again}`);
    renameSync(path, to);
    this.#files += 1;
    this.#found.push({ row: 0, reason: `segment ${id} is of boots that are not in blocks.db, and is kept as ${to}` });
  }

  #keep(row: number, reason: string, parts: () => Uint8Array[]): void {
    const path = join(this.#dir, `damaged-${row}`);
    if (existsSync(path)) return;
    this.#found.push({ row, reason: this.#files < JOURNAL_DAMAGED_MAX ? this.#write(path, reason, parts()) : reason });
  }

  /** Returns the reason, with where the bytes are. On a full disk they stay in the segment until it is recycled. */
  #write(path: string, reason: string, parts: readonly Uint8Array[]): string {
    const unfinished = join(this.#dir, UNFINISHED);
    try {
      const file = openSync(unfinished, 'w');
      try {
        let at = 0;
        for (const part of parts) {
          writeAll(file, part, part.length, at);
          at += part.length;
        }
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(unfinished, path);
      this.#files += 1;
      return `${reason}; the bytes are kept in ${path}`;
    } catch (error) {
      return `${reason}; the bytes could not be kept: ${messageOf(error)}`;
    }
  }
}

/** The bytes without the pages at the end that are all zero: there never was anything in them. */
function withoutEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes.subarray(Math.max(0, end - PAGE_BYTES), end).every((byte) => byte === 0)) end -= PAGE_BYTES;
  return bytes.subarray(0, Math.max(0, end));
}
