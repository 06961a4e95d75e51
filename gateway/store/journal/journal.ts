import { Buffer } from 'node:buffer';
import { closeSync, existsSync, fdatasyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncPath } from '../../durable-files.ts';
import { CaissonError, messageOf } from '../../errors.ts';
import { JOURNAL_SPARES_MIN, RECEIPTS_MAX } from '../../limits.ts';
import { isFull } from '../disk-room.ts';
import { type DamagedRow, DamagedRows } from './damaged-rows.ts';
import { type JournalScan, type LastRecord, Segment, scanJournal } from './journal-scan.ts';
import { PublishedReader, PublishedWriter } from './published.ts';
import { carriedReceipts, receiptsOf } from './receipts.ts';
import { DIGEST_BYTES, pagesOf, type RecordHead, recordLength, writeRecord } from './record.ts';
import { encodeJournalRow } from './row-encoder.ts';
import { readRange, SpareSegments, writeAll } from './segment-files.ts';
import { SegmentReader } from './segment-reader.ts';

/** Bytes of a record for which memory is kept between commits. */
const SCRATCH_BYTES_KEPT = 1024 * 1024;

/** How much of the greatest number of segments is still prepared for after each trim without another such peak. */
const PEAK_DECAY = 0.99;

const NO_RECEIPTS = new Uint8Array(0);

/** The row of a record that only carries receipts on. */
const NO_SAMPLES = encodeJournalRow({ groups: [], losses: [] });

/** What one commit brings to the journal. */
export interface Commit {
  /** Random id of the boot, 16 hex digits. */
  readonly boot: string;
  /** Position in the ring behind the commit: where a new store thread of the same boot goes on. */
  readonly ringEnd: number;
  /** The encoded row. */
  readonly bytes: Uint8Array;
}

/** A commit as it is kept; `bytes` is a view that is valid until the next row is read. */
export interface StoredRow extends Commit {
  readonly id: number;
}

export interface JournalOptions {
  /** Ids of the boots of the store. What is of another boot is of another store, and set aside. */
  readonly boots: ReadonlySet<string>;
  /** Bytes of a segment, a multiple of a page. */
  readonly segmentBytes: number;
}

/** The segment that is written to. */
interface Current {
  readonly file: number;
  readonly path: string;
  readonly id: number;
  readonly size: number;
  /** Where the next record goes. */
  at: number;
}

/**
 * The journal: one record a group commit, in segments that are recycled when all of their rows are in blocks
 * (JOURNAL_FORMAT.md). One writer; readers look with {@link JournalReader}. A commit is one write and one fdatasync of pages
 * that are there already. A call that throws leaves the journal to be opened anew.
 */
export class Journal {
  readonly #dir: string;
  readonly #spares: SpareSegments;
  readonly #published: PublishedWriter;
  readonly #damaged: DamagedRows;
  /** Oldest first, the current one last. */
  readonly #segments: Segment[];
  #current: Current | undefined;
  #newestSegment: number;
  #last: RecordHead | undefined;
  #nextRow: number;
  #nextReceipt: number;
  /** The most segments of late. */
  #peak: number;
  #scratch = Buffer.alloc(0);
  #isClosed = false;

  /**
   * Opens the journal in `dir`, making it if it is not there.
   * @throws CaissonError `store-unusable`
   */
  static open(dir: string, options: JournalOptions): Journal {
    try {
      return new Journal(dir, options.boots, options.segmentBytes);
    } catch (cause) {
      throw new CaissonError('store-unusable', `${dir}: ${messageOf(cause)}`, { cause, retryable: true });
    }
  }

  private constructor(dir: string, boots: ReadonlySet<string>, segmentBytes: number) {
    this.#dir = dir;
    if (!existsSync(dir)) {
      mkdirSync(dir);
      syncPath(dirname(dir));
    }
    const published = new PublishedReader(dir);
    const scan = scanJournal(dir, boots, published.read());
    published.close();
    this.#segments = [...scan.segments];
    this.#newestSegment = scan.newestSegment;
    this.#last = scan.last?.head;
    this.#nextRow = scan.newestRow + 1;
    this.#nextReceipt = endOfReceipts(this.#segments);
    if (scan.last !== undefined) confirm(scan.last);
    this.#spares = new SpareSegments(dir, segmentBytes);
    this.#peak = this.#segments.length + this.#spares.count;
    this.#damaged = new DamagedRows(dir);
    for (const damage of scan.damage) this.#damaged.keepRanges(damage);
    for (const segment of scan.foreign) this.#damaged.keepForeign(segment);
    this.#current = goOn(scan);
    this.#published = new PublishedWriter(dir);
    this.#published.write(scan.newestRow);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#current !== undefined) closeSync(this.#current.file);
    this.#current = undefined;
    this.#spares.close();
    this.#published.close();
  }

  /** Id of the row that the next commit becomes. */
  get nextRow(): number {
    return this.#nextRow;
  }

  /** What was found that cannot be read since the journal was opened, each once in the life of the journal. */
  get damaged(): readonly DamagedRow[] {
    return this.#damaged.found;
  }

  /** Rows in the journal. */
  rowCount(): number {
    const oldest = this.#segments.find(({ firstRow }) => firstRow !== undefined)?.firstRow;
    return oldest === undefined ? 0 : this.#nextRow - oldest;
  }

  /**
   * Writes one commit; when it returns, the row is on disk. `receipts` 16 bytes each.
   * @throws CaissonError `store-failed`
   */
  append(commit: Commit, receipts: readonly Uint8Array[]): void {
    const digests = receipts.length === 0 ? NO_RECEIPTS : Buffer.concat(receipts);
    this.#try(() => this.#write(commit, digests, this.#nextReceipt));
    this.#nextReceipt += receipts.length;
  }

  /**
   * Does one step of what keeps spare segments ready. Where there is no room nothing happens: a commit that needs a segment
   * then is the one to fail.
   */
  prepare(): void {
    if (this.#spares.count >= JOURNAL_SPARES_MIN) return;
    try {
      this.#spares.makeStep();
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }

  /** All rows, oldest first. */
  *rows(): IterableIterator<StoredRow> {
    let last = 0;
    for (const segment of this.#segments) {
      const reader = new SegmentReader(segment.file);
      for (let found = reader.find(0); found !== undefined; ) {
        const { row: id, boot, ringEnd, bytes, length } = found.record;
        const end = found.at + pagesOf(length);
        // What is not of this store was left out when the journal was opened, and is again.
        if (id > last && id <= (segment.lastRow ?? 0)) {
          last = id;
          yield { id, boot, ringEnd, bytes };
        }
        found = reader.find(end);
      }
      reader.close();
    }
  }

  /** Recycles the segments all of whose rows are before `row`. */
  trimBefore(row: number): void {
    this.#try(() => {
      // The newest record stays: it tells a successor of this thread how far the ring is durable.
      const end = Math.min(row, this.#last?.row ?? 0);
      while (this.#segments.length > 1 && (this.#segments[0]?.lastRow ?? 0) < end) this.#recycleOldest();
      this.#peak = Math.max(this.#peak * PEAK_DECAY, this.#segments.length);
      this.#spares.shrink(this.#sparesMax());
    });
  }

  /** Keeps the bytes of a row that cannot be decoded, and says so once. */
  setAside({ id, bytes }: StoredRow, reason: string): void {
    this.#damaged.keepBytes(id, reason, bytes);
  }

  /** Digests of messages made durable, oldest first, the newest RECEIPTS_MAX. */
  receipts(): Uint8Array[] {
    return receiptsOf(this.#segments, this.#nextReceipt - RECEIPTS_MAX);
  }

  #write(commit: Commit, receipts: Uint8Array, firstReceipt: number): void {
    const bytes = pagesOf(recordLength(commit.bytes.length, receipts.length));
    let current = this.#current;
    if (current === undefined || current.at + bytes > current.size) current = this.#roll(bytes);
    const record = bytes <= this.#scratch.length ? this.#scratch : Buffer.alloc(bytes);
    if (bytes <= SCRATCH_BYTES_KEPT) this.#scratch = record;
    const { boot, ringEnd } = commit;
    const head = { segment: current.id, row: this.#nextRow, boot, ringEnd, firstReceipt };
    writeRecord(record, head, commit.bytes, receipts);
    writeAll(current.file, record, bytes, current.at);
    fdatasyncSync(current.file);
    current.at += bytes;
    this.#last = head;
    this.#nextRow += 1;
    this.#segments.at(-1)?.add(head.row, firstReceipt, receipts.length / DIGEST_BYTES);
    this.#published.write(head.row);
  }

  /** Goes on in a new segment that has room for `bytes`. */
  #roll(bytes: number): Current {
    const id = this.#newestSegment + 1;
    const segment = this.#spares.take(id, bytes);
    this.#newestSegment = id;
    if (this.#current !== undefined) closeSync(this.#current.file);
    this.#segments.push(new Segment(segment));
    this.#current = { ...segment, file: openSync(segment.path, 'r+'), at: 0 };
    return this.#current;
  }

  #recycleOldest(): void {
    const oldest = this.#segments[0];
    if (oldest === undefined) return;
    if (this.#last !== undefined) {
      // A message is recognised for as long as RECEIPTS_MAX younger ones have not come, however soon its row is sealed.
      for (const { first, digests } of carriedReceipts(oldest, this.#nextReceipt - RECEIPTS_MAX)) {
        this.#write({ ...this.#last, bytes: NO_SAMPLES }, digests, first);
      }
    }
    this.#segments.shift();
    this.#spares.recycle(oldest.file, this.#sparesMax());
  }

  /** Spare segments that are kept: what lets the journal grow to its late peak again, and the reserve. */
  #sparesMax(): number {
    return Math.max(JOURNAL_SPARES_MIN, Math.ceil(this.#peak) + JOURNAL_SPARES_MIN - this.#segments.length);
  }

  #try(write: () => void): void {
    try {
      write();
    } catch (cause) {
      const problem = isFull(cause) ? 'the disk is full' : messageOf(cause);
      throw new CaissonError('store-failed', `${this.#dir}: ${problem}`, { cause, retryable: true });
    }
  }
}

/**
 * Writes the newest record once more, the same bytes, and syncs it: the fdatasync of the run before may have failed, and
 * then the page cache shows what the disk does not have, and calls it clean.
 */
function confirm({ segment, at, end }: LastRecord): void {
  const bytes = readRange(segment.path, at, end);
  const file = openSync(segment.path, 'r+');
  try {
    writeAll(file, bytes, bytes.length, at);
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The segment to go on in; undefined where a new one is to be begun, so that nothing that was damaged is written over. */
function goOn({ segments, last, isEndDamaged }: JournalScan): Current | undefined {
  const file = segments.at(-1)?.file;
  if (file === undefined || isEndDamaged) return undefined;
  return { ...file, file: openSync(file.path, 'r+'), at: last?.segment === file ? last.end : 0 };
}

function endOfReceipts(segments: readonly Segment[]): number {
  let end = 0;
  for (const { receipts } of segments) for (const { first, count } of receipts) end = Math.max(end, first + count);
  return end;
}
