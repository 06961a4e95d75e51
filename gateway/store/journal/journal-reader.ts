import { existsSync } from 'node:fs';
import { CaissonError } from '../../errors.ts';
import type { StoredRow } from './journal.ts';
import { PublishedReader } from './published.ts';
import { pagesOf } from './record.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';
import { type PlacedRecord, SegmentReader } from './segment-reader.ts';

/**
 * Reads a journal while it is written, from another thread or process. It shows a row only when that is on disk: when the
 * writer has published it, or another record stands behind it.
 */
export class JournalReader {
  readonly #dir: string;
  readonly #published: PublishedReader;
  #segment: SegmentReader | undefined;
  /** Where the next record is expected in the segment. */
  #at = 0;
  /** The row read last. */
  #row = 0;
  /** The row behind which nothing was found: not worth another look before more is published. */
  #searchedFor: number | undefined;
  /**
   * True when the end was found once, whatever is published. A writer that lives publishes what it commits: from then on the next
   * record is looked for at its place, not in the rest of the segment.
   */
  #hasSearched = false;

  private constructor(dir: string) {
    this.#dir = dir;
    this.#published = new PublishedReader(dir);
  }

  /** @throws CaissonError `store-unusable` when there is no journal in `dir` */
  static open(dir: string): JournalReader {
    if (existsSync(dir)) return new JournalReader(dir);
    throw new CaissonError('store-unusable', `${dir}: there is no journal`, { retryable: true });
  }

  close(): void {
    this.#leave();
    this.#published.close();
  }

  /** Rows after `row`, in order, at most `rowsMax`. Nothing else may be done with this object meanwhile. */
  *rowsAfter(row: number, rowsMax = Number.POSITIVE_INFINITY): IterableIterator<StoredRow> {
    if (row < this.#row) this.#rewind();
    const published = this.#published.read();
    if (published <= this.#row && this.#searchedFor === this.#row) return;
    // What is read from here on was on disk if it was published by then.
    this.#segment?.forget();
    for (let count = 0; count < rowsMax; ) {
      // To look behind what is published waits for a look that finds nothing new.
      if (count > 0 && this.#row >= published && this.#hasSearched) return;
      const found = this.#next(published);
      if (found === undefined) {
        this.#hasSearched = true;
        return;
      }
      const { row: id, boot, ringEnd, bytes, length } = found.record;
      this.#at = found.at + pagesOf(length);
      this.#row = id;
      if (id <= row) continue;
      count += 1;
      yield { id, boot, ringEnd, bytes };
    }
  }

  #next(published: number): PlacedRecord | undefined {
    if (this.#segment === undefined && !this.#enter(0)) return undefined;
    if (this.#hasSearched && this.#row >= published) return this.#nextUnpublished();
    for (;;) {
      const found = this.#search();
      if (found !== undefined) {
        if (this.#isShown(found, published)) return found;
        this.#searchedFor = this.#row;
        return undefined;
      }
      if (!this.#enter((this.#segment?.id ?? 0) + 1)) return undefined;
    }
  }

  /** The record where the next one belongs, when another stands behind it. */
  #nextUnpublished(): PlacedRecord | undefined {
    this.#searchedFor = this.#row;
    const found = this.#segment?.at(this.#at);
    if (found === undefined || found.record.row <= this.#row) return undefined;
    const { row, length } = found.record;
    const behind = this.#segment?.at(found.at + pagesOf(length));
    // Its views ended with the look behind it.
    return (behind?.record.row ?? 0) > row ? this.#segment?.at(found.at) : undefined;
  }

  /** The next record of the segment. */
  #search(): PlacedRecord | undefined {
    const found = this.#segment?.find(this.#at);
    if (found !== undefined && found.record.row > this.#row) return found;
    this.#searchedFor = this.#row;
    return undefined;
  }

  #isShown({ at, record }: PlacedRecord, published: number): boolean {
    const { row, length, segment } = record;
    if (row <= published) return true;
    // A reader of its own: what was found is still to be read.
    const later = listSegments(this.#dir).filter(({ id }) => id >= segment);
    return later.some((file) => hasRecordAfter(file, file.id === segment ? at + pagesOf(length) : 0, row));
  }

  /** Goes on with the oldest segment that has this id or a higher one. */
  #enter(id: number): boolean {
    const file = listSegments(this.#dir).find((segment) => segment.id >= id);
    if (file === undefined) return false;
    const segment = openIfThere(file);
    if (segment === undefined) return false;
    this.#leave();
    this.#segment = segment;
    return true;
  }

  #rewind(): void {
    this.#leave();
    this.#row = 0;
    this.#searchedFor = undefined;
    this.#hasSearched = false;
  }

  #leave(): void {
    this.#segment?.close();
    this.#segment = undefined;
    this.#at = 0;
  }
}

function hasRecordAfter(file: SegmentFile, at: number, row: number): boolean {
  const reader = openIfThere(file);
  try {
    return (reader?.find(at)?.record.row ?? 0) > row;
  } finally {
    reader?.close();
  }
}

/** Undefined where the segment was recycled meanwhile. */
function openIfThere(file: SegmentFile): SegmentReader | undefined {
  try {
    return new SegmentReader(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
