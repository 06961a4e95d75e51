import { Buffer } from 'node:buffer';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal, type StoredRow } from '../../../../gateway/store/journal/journal.ts';
import { JournalReader } from '../../../../gateway/store/journal/journal-reader.ts';
import { PublishedWriter } from '../../../../gateway/store/journal/published.ts';
import { PAGE_BYTES } from '../../../../gateway/store/journal/record.ts';

export const BOOT = '00112233aabbccdd';

/** Pages of a segment, so that a few commits fill one. */
const SEGMENT_PAGES = 8;
export const SEGMENT_BYTES = SEGMENT_PAGES * PAGE_BYTES;

/** A row as a test compares it. */
export interface SeenRow {
  readonly id: number;
  readonly text: string;
}

/** A journal in a folder of its own, with small segments. Rows hold text. */
export class JournalRig {
  readonly dir = join(mkdtempSync(join(tmpdir(), 'caisson-journal-')), 'journal');
  journal: Journal;

  constructor() {
    this.journal = this.open();
  }

  open(boots: readonly string[] = [BOOT]): Journal {
    return Journal.open(this.dir, { boots: new Set(boots), segmentBytes: SEGMENT_BYTES });
  }

  reopen(): void {
    this.journal.close();
    this.journal = this.open();
  }

  /** Commits `text` and returns the row's id. */
  commit(text: string, receipts: readonly Uint8Array[] = [], boot = BOOT): number {
    const row = this.journal.nextRow;
    this.journal.append({ boot, ringEnd: row * 10, bytes: Buffer.from(text) }, receipts);
    return row;
  }

  /** Commits rows `row 1`, `row 2`, ... of `pages` pages each. */
  commitMany(count: number, pages = 1): void {
    for (let i = 0; i < count; i += 1) this.commit(rowText(this.journal.nextRow, pages));
  }

  seen(): SeenRow[] {
    return seenRows(this.journal.rows());
  }

  /** What a reader sees that opens the journal now. */
  read(): SeenRow[] {
    const reader = JournalReader.open(this.dir);
    const rows = seenRows(reader.rowsAfter(0));
    reader.close();
    return rows;
  }

  files(pattern: RegExp): string[] {
    return readdirSync(this.dir)
      .filter((name) => pattern.test(name))
      .sort();
  }

  bytesOf(name: string): Buffer {
    return readFileSync(join(this.dir, name));
  }

  /** Writes over a part of a file. */
  overwrite(name: string, at: number, bytes: Uint8Array): void {
    const file = openSync(join(this.dir, name), 'r+');
    writeSync(file, bytes, 0, bytes.length, at);
    closeSync(file);
  }

  /** As if only rows up to this one had been published. */
  publish(row: number): void {
    const published = new PublishedWriter(this.dir);
    published.write(row);
    published.close();
  }

  dispose(): void {
    this.journal.close();
    rmSync(join(this.dir, '..'), { recursive: true, force: true });
  }
}

/** The text of a row that fills so many pages. */
export function rowText(id: number, pages: number): string {
  return `row ${id} `.padEnd((pages - 1) * PAGE_BYTES + 30, '.');
}

export function seenRows(rows: Iterable<StoredRow>): SeenRow[] {
  return Array.from(rows, ({ id, bytes }) => ({ id, text: Buffer.from(bytes).toString() }));
}

export function rowsFrom(first: number, last: number, pages = 1): SeenRow[] {
  return Array.from({ length: last - first + 1 }, (_, i) => ({ id: first + i, text: rowText(first + i, pages) }));
}

export function digest(number: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}
