import { DIGEST_BYTES, pagesOf, type RecordHead } from './record.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';
import { SegmentReader } from './segment-reader.ts';

/** Receipts with consecutive numbers. */
export interface ReceiptRun {
  readonly first: number;
  count: number;
}

/** A segment with what the journal keeps in mind of it. */
export class Segment {
  readonly file: SegmentFile;
  /** Rows of its first and last record; undefined where it has none. */
  firstRow: number | undefined;
  lastRow: number | undefined;
  readonly receipts: ReceiptRun[] = [];

  constructor(file: SegmentFile) {
    this.file = file;
  }

  /** Notes a record that stands behind the others. */
  add(row: number, firstReceipt: number, receiptCount: number): void {
    this.firstRow ??= row;
    this.lastRow = row;
    if (receiptCount === 0) return;
    const before = this.receipts.at(-1);
    if (before !== undefined && before.first + before.count === firstReceipt) before.count += receiptCount;
    else this.receipts.push({ first: firstReceipt, count: receiptCount });
  }
}

/** Rows that are missing, and where their bytes lie. */
export interface Damage {
  /** The first of the rows. */
  readonly row: number;
  readonly reason: string;
  readonly ranges: readonly { readonly path: string; readonly from: number; readonly to: number }[];
}

export interface JournalScan {
  /** Oldest first; those of other stores are left out. */
  readonly segments: readonly Segment[];
  /** Segments that hold records of other stores only. */
  readonly foreign: readonly SegmentFile[];
  readonly damage: readonly Damage[];
  /** The newest record, and where it lies. */
  readonly last: LastRecord | undefined;
  /** True where more than a torn end stands behind the newest record. */
  readonly isEndDamaged: boolean;
  /** Greatest row that is known of. */
  readonly newestRow: number;
  /** Greatest id of a segment. */
  readonly newestSegment: number;
}

export interface LastRecord {
  readonly segment: SegmentFile;
  readonly at: number;
  readonly end: number;
  readonly head: RecordHead;
}

/**
 * Looks through all segments of a journal. A stretch of which rows are missing though later ones are there is damage; what
 * stands behind the newest record, unless it was published, is a commit that never came to its end.
 *
 * @param boots of the store; a record of another boot is of another store
 * @param published the newest row that is known to have been on disk
 */
export function scanJournal(dir: string, boots: ReadonlySet<string>, published: number): JournalScan {
  const walk = new Walk(boots);
  const files = listSegments(dir);
  for (const file of files) walk.take(file);
  const { segments, foreign, last } = walk;
  const newestRow = Math.max(published, walk.newestRow);
  const isEndDamaged = newestRow > (last?.head.row ?? 0);
  if (isEndDamaged && segments.length > 0) {
    const from = last === undefined ? 0 : segments.findIndex(({ file }) => file === last.segment);
    const ranges = segments.slice(from).map(({ file: { path, size } }, i) => {
      return { path, from: i === 0 ? (last?.end ?? 0) : 0, to: size };
    });
    walk.addDamage(last?.head.row ?? 0, newestRow + 1, ranges);
  }
  const newestSegment = files.at(-1)?.id ?? 0;
  return { segments, foreign, damage: walk.damage, last, isEndDamaged, newestRow, newestSegment };
}

class Walk {
  readonly segments: Segment[] = [];
  readonly foreign: SegmentFile[] = [];
  readonly damage: Damage[] = [];
  last: LastRecord | undefined;
  newestRow = 0;
  readonly #boots: ReadonlySet<string>;
  /** Segments since the last record that hold none. */
  #between: SegmentFile[] = [];

  constructor(boots: ReadonlySet<string>) {
    this.#boots = boots;
  }

  take(file: SegmentFile): void {
    const segment = new Segment(file);
    let strangers = 0;
    let newestRow = 0;
    const reader = new SegmentReader(file);
    for (let placed = reader.find(0); placed !== undefined; ) {
      const { at, record } = placed;
      const end = at + pagesOf(record.length);
      const { bytes: _, receipts, length: __, ...head } = record;
      newestRow = Math.max(newestRow, head.row);
      if (!this.#boots.has(head.boot)) strangers += 1;
      else if (head.row > (this.last?.head.row ?? 0)) {
        this.#expectNext(file, at, head.row);
        this.last = { segment: file, at, end, head };
        segment.add(head.row, head.firstReceipt, receipts.length / DIGEST_BYTES);
      }
      placed = reader.find(end);
    }
    reader.close();
    if (segment.lastRow === undefined && strangers > 0) {
      this.foreign.push(file);
      return;
    }
    this.newestRow = Math.max(this.newestRow, newestRow);
    this.segments.push(segment);
    if (segment.lastRow === undefined) this.#between.push(file);
  }

  addDamage(lastRow: number, nextRow: number, ranges: Damage['ranges']): void {
    const [row, end] = [lastRow + 1, nextRow - 1];
    const reason = row === end ? `row ${row} cannot be read` : `rows ${row} to ${end} cannot be read`;
    this.damage.push({ row, reason, ranges });
  }

  /** Says what is missing between the record before and this one. */
  #expectNext(file: SegmentFile, at: number, row: number): void {
    const { last } = this;
    const between = this.#between.splice(0);
    // Of what stood before the first record of all nobody knows how many rows it was: one at least.
    const lastRow = last?.head.row ?? Math.max(0, at > 0 || between.length > 0 ? row - 2 : row - 1);
    if (row === lastRow + 1) return;
    const ranges = between.map(({ path, size }) => ({ path, from: 0, to: size }));
    if (last?.segment === file) ranges.push({ path: file.path, from: last.end, to: at });
    else {
      if (last !== undefined) ranges.unshift({ path: last.segment.path, from: last.end, to: last.segment.size });
      ranges.push({ path: file.path, from: 0, to: at });
    }
    this.addDamage(lastRow, row, ranges);
  }
}
