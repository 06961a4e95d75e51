/** Cells of one row. A header with more is not taken for a recording. */
export const COLUMNS_MAX = 4096;

/** What the header of a recording says of its rows. */
export interface RecordingTable {
  /** Name of the format, for messages. */
  readonly format: string;
  /** Cells of every row. */
  readonly cells: number;
  /** Index of the cell with the time, in seconds. */
  readonly timeCell: number;
  readonly epoch: Epoch;
  /** Every cell that has samples: all but the time. */
  readonly columns: readonly RecordingColumn[];
  /** Rows a second, where the header says so. */
  readonly rateHz?: number;
}

/** What the times of the rows count from: 1970 in UTC; a start known in local time (`start` as if it were UTC, microseconds); or unknown. */
export type Epoch =
  | { readonly kind: 'utc' }
  | { readonly kind: 'local'; readonly start: number }
  | { readonly kind: 'unknown' };

export interface RecordingColumn {
  /** Index of its cell in a row. */
  readonly cell: number;
  /** Path below the prefix of the source, different from that of every other column. */
  readonly path: string;
  readonly unit: string;
}

/** Reads the lines before the rows in one format. */
export interface HeaderParser {
  /**
   * Takes the next line. Returns `more` while the header goes on, `other` as soon as the file cannot be of this format,
   * and at the last line of the header what the rows have.
   */
  take(cells: readonly string[]): 'more' | 'other' | RecordingTable;
}

/** Group, name and unit of a column as a file spells them. */
export interface ColumnTitle {
  readonly cell: number;
  /** First part of its path; empty for none. */
  readonly group: string;
  readonly name: string;
  readonly unit: string;
}

/** Gives each column a path of its own: one that is taken is counted on, `gps/speed`, `gps/speed_2`. */
export function columnsOf(titles: readonly ColumnTitle[]): RecordingColumn[] {
  const taken = new Set<string>();
  return titles.map(({ cell, group, name, unit }) => {
    const segments = [segmentOf(group), segmentOf(name) || `column_${cell + 1}`];
    const base = segments.filter((segment) => segment !== '').join('/');
    let path = base;
    for (let count = 2; taken.has(path); count += 1) path = `${base}_${count}`;
    taken.add(path);
    return { cell, path, unit };
  });
}

function segmentOf(text: string): string {
  return text.trim().replace(/[\s/]+/g, '_');
}
