import { decimalsOf, parseNumber } from './decimal.ts';
import type { RecordingColumn } from './recording-table.ts';

/** What the cells of a column are. */
export interface ColumnKind {
  readonly type: 'number' | 'text';
  /** Most digits behind the point that were met; 0 for text. */
  readonly decimals: number;
}

/**
 * What each column is, from the first rows: text where more of its cells are words than numbers, so that one damaged
 * cell makes no text of a number.
 */
export function kindsOf(columns: readonly RecordingColumn[], rows: readonly (readonly string[])[]): ColumnKind[] {
  return columns.map(({ cell }) => kindOf(rows.map((row) => row[cell] ?? '')));
}

function kindOf(cells: readonly string[]): ColumnKind {
  const filled = cells.filter((cell) => cell !== '');
  const numbers = filled.filter((cell) => parseNumber(cell) !== undefined);
  if (numbers.length * 2 < filled.length) return { type: 'text', decimals: 0 };
  return { type: 'number', decimals: Math.max(0, ...numbers.map(decimalsOf)) };
}
