import { Buffer } from 'node:buffer';
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { syncPath } from '../../durable-files.ts';
import { PAGE_BYTES } from './record.ts';

/** The files of a journal's folder (SEGMENT clauses of JOURNAL_FORMAT.md): their names, how one is made, how it is recycled. */

const SEGMENT = /^segment-(\d{1,15})$/;
const SPARE = /^spare-(\d{1,15})$/;
const MAKING = 'making';

/** Bytes written in one step of making a segment, so that a commit never waits for a whole one. */
const STEP_BYTES = 1024 * 1024;

const ZEROS = Buffer.alloc(PAGE_BYTES);

export interface SegmentFile {
  readonly id: number;
  readonly path: string;
  readonly size: number;
}

/** Segments of the folder, oldest first. */
export function listSegments(dir: string): SegmentFile[] {
  return listNumbered(dir, SEGMENT).flatMap(({ id, path }) => {
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    return size === undefined ? [] : [{ id, path, size }];
  });
}

function listNumbered(dir: string, pattern: RegExp): { readonly id: number; readonly path: string }[] {
  return readdirSync(dir)
    .flatMap((name) => {
      const match = pattern.exec(name);
      return match === null ? [] : [{ id: Number(match[1]), path: join(dir, name) }];
    })
    .sort((a, b) => a.id - b.id);
}

/** Bytes of a file from `from` to `to`, or to where it ends; none where that is before `from`. */
export function readRange(path: string, from: number, to: number): Buffer {
  const file = openSync(path, 'r');
  try {
    return readInto(file, Buffer.allocUnsafe(Math.max(0, to - from)), from);
  } finally {
    closeSync(file);
  }
}

/** Fills `buffer` from `at` on; returns the part that could be filled. */
export function readInto(file: number, buffer: Buffer, at: number): Buffer {
  let filled = 0;
  while (filled < buffer.length) {
    const count = readSync(file, buffer, filled, buffer.length - filled, at + filled);
    if (count === 0) break;
    filled += count;
  }
  return buffer.subarray(0, filled);
}

export function writeAll(file: number, bytes: Uint8Array, length: number, at: number): void {
  let written = 0;
  while (written < length) written += writeSync(file, bytes, written, length - written, at + written);
}

/**
 * Segments that are not in use: recycled ones, and those made in advance. They are full of bytes, so that writing a record
 * over them never needs room nor changes what the file system keeps about the file.
 */
export class SpareSegments {
  readonly #dir: string;
  readonly #bytes: number;
  #paths: string[];
  #next: number;
  /** A segment that is being made. */
  #making: { readonly file: number; at: number } | undefined;

  /** @param bytes of one segment, a multiple of PAGE_BYTES */
  constructor(dir: string, bytes: number) {
    this.#dir = dir;
    this.#bytes = bytes;
    removeIfThere(join(dir, MAKING));
    const found = listNumbered(dir, SPARE);
    this.#next = (found.at(-1)?.id ?? 0) + 1;
    const [fit, unfit] = [found.filter(({ path }) => this.#fits(path)), found.filter(({ path }) => !this.#fits(path))];
    for (const { path } of unfit) unlinkSync(path);
    this.#paths = fit.map(({ path }) => path);
  }

  get count(): number {
    return this.#paths.length;
  }

  /** One step of making another spare. @throws where there is no room */
  makeStep(): void {
    this.#step(this.#paths, this.#bytes);
  }

  /** Makes segment `id`, of `bytes` at least, durably: of a spare one if there is any. */
  take(id: number, bytes: number): SegmentFile {
    const path = join(this.#dir, `segment-${id}`);
    const spare = bytes <= this.#bytes ? this.#spare() : this.#madeOf(bytes);
    renameSync(spare, path);
    syncPath(this.#dir);
    return { id, path, size: Math.max(bytes, this.#bytes) };
  }

  /** Takes back a segment that nobody needs any more; one beyond `countMax` is deleted. */
  recycle(segment: SegmentFile, countMax: number): void {
    if (segment.size !== this.#bytes || this.#paths.length >= countMax) {
      unlinkSync(segment.path);
      return;
    }
    const path = this.#spareName();
    renameSync(segment.path, path);
    this.#paths.push(path);
  }

  /** Deletes one that is beyond `countMax`. */
  shrink(countMax: number): void {
    if (this.#paths.length <= countMax) return;
    const path = this.#paths.pop();
    if (path !== undefined) unlinkSync(path);
  }

  close(): void {
    this.#discard();
  }

  #fits(path: string): boolean {
    return statSync(path).size === this.#bytes;
  }

  #spare(): string {
    while (this.#paths.length === 0) this.makeStep();
    return this.#paths.shift() ?? '';
  }

  #madeOf(bytes: number): string {
    this.#discard();
    const made: string[] = [];
    while (made.length === 0) this.#step(made, bytes);
    return made[0] ?? '';
  }

  #step(made: string[], bytes: number): void {
    const path = join(this.#dir, MAKING);
    try {
      this.#making ??= { file: openSync(path, 'w'), at: 0 };
      const making = this.#making;
      const end = Math.min(bytes, making.at + STEP_BYTES);
      // A page at a time: the page cache keeps in one piece what was written in one, and would count all of it as written
      // again with every commit.
      for (; making.at < end; making.at += PAGE_BYTES) writeAll(making.file, ZEROS, PAGE_BYTES, making.at);
      fsyncSync(making.file);
      if (making.at < bytes) return;
    } catch (error) {
      this.#discard();
      throw error;
    }
    closeSync(this.#making.file);
    this.#making = undefined;
    const spare = this.#spareName();
    renameSync(path, spare);
    made.push(spare);
  }

  #discard(): void {
    if (this.#making === undefined) return;
    closeSync(this.#making.file);
    this.#making = undefined;
    removeIfThere(join(this.#dir, MAKING));
  }

  #spareName(): string {
    const path = join(this.#dir, `spare-${this.#next}`);
    this.#next += 1;
    return path;
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
