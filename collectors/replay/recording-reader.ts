import { AimHeader } from './aim-header.ts';
import { type ColumnKind, kindsOf } from './column-kinds.ts';
import { CsvLines } from './csv-lines.ts';
import { DamagedRows } from './damaged-rows.ts';
import { parseNumber, parseSeconds } from './decimal.ts';
import { RaceChronoHeader } from './racechrono-header.ts';
import type { HeaderParser, RecordingTable } from './recording-table.ts';

/** Formats that can be read, as people are told. */
export const FORMATS_TEXT = 'CSV of RaceChrono Pro (version 3) or of AiM RaceStudio 3';

/** Lines before the rows. With more, a file is not taken for a recording. */
export const HEADER_LINES_MAX = 256;

/** Rows that are looked at to see what the columns are, before the first is handed on. */
export const SAMPLE_ROWS = 64;

/** Value of a cell; undefined for an empty one. */
export type Cell = number | string | undefined;

export interface RecordedRow {
  /** Number of its line, from 1. */
  readonly line: number;
  /** Microseconds since the epoch of the recording. */
  readonly time: number;
  /** By column, in the order of {@link RecordingTable.columns}. */
  readonly values: readonly Cell[];
}

/** Reads a recording of any known format: bytes in, however they are chopped, rows out. */
export class RecordingReader {
  readonly #damage: DamagedRows;
  readonly #csv = new CsvLines({
    cells: (cells, line) => this.#takeLine(cells, line),
    damaged: (reason, line) => {
      if (this.#table !== undefined) this.#damage.add(reason, line);
      else this.#countHeaderLine(line);
    },
  });
  #headers: HeaderParser[] = [new RaceChronoHeader(), new AimHeader()];
  #table: RecordingTable | undefined;
  #kinds: readonly ColumnKind[] | undefined;
  #held: { readonly cells: readonly string[]; readonly line: number }[] = [];
  #rows: RecordedRow[] = [];

  /** @param damage where rows that cannot be used are counted */
  constructor(damage = new DamagedRows()) {
    this.#damage = damage;
  }

  /** What the header said, once it is read. */
  get table(): RecordingTable | undefined {
    return this.#table;
  }

  /** What each of the table's columns is, known before the first row is handed on. */
  get kinds(): readonly ColumnKind[] {
    return this.#kinds ?? [];
  }

  /** True when the file is of no known format: nothing will come of it. */
  get isUnknown(): boolean {
    return this.#headers.length === 0 && this.#table === undefined;
  }

  /** Takes the next bytes; returns the rows that are whole. */
  feed(bytes: Uint8Array): RecordedRow[] {
    if (!this.isUnknown) this.#csv.feed(bytes);
    return this.#takeRows();
  }

  /** The bytes are at their end; returns the rows that are left. */
  end(): RecordedRow[] {
    if (!this.isUnknown) this.#csv.end();
    if (this.#table === undefined) this.#headers = [];
    else if (this.#kinds === undefined) this.#decide(this.#table);
    return this.#takeRows();
  }

  #takeRows(): RecordedRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  #takeLine(cells: readonly string[], line: number): void {
    const table = this.#table;
    if (table === undefined) this.#takeHeaderLine(cells, line);
    else if (cells.length === 1 && cells[0] === '') return;
    else if (cells.length !== table.cells) this.#damage.add('cell-count', line);
    else if (this.#kinds !== undefined) this.#takeRow(table, this.#kinds, cells, line);
    else {
      this.#held.push({ cells, line });
      if (this.#held.length === SAMPLE_ROWS) this.#decide(table);
    }
  }

  #takeHeaderLine(cells: readonly string[], line: number): void {
    const left: HeaderParser[] = [];
    for (const header of this.#headers) {
      const found = header.take(cells);
      if (found === 'more') left.push(header);
      else if (found !== 'other') {
        this.#table = found;
        return;
      }
    }
    this.#headers = left;
    this.#countHeaderLine(line);
  }

  #countHeaderLine(line: number): void {
    if (line >= HEADER_LINES_MAX) this.#headers = [];
  }

  #decide(table: RecordingTable): void {
    const held = this.#held;
    this.#held = [];
    const kinds = kindsOf(
      table.columns,
      held.map(({ cells }) => cells),
    );
    this.#kinds = kinds;
    for (const { cells, line } of held) this.#takeRow(table, kinds, cells, line);
  }

  #takeRow(table: RecordingTable, kinds: readonly ColumnKind[], cells: readonly string[], line: number): void {
    const time = parseSeconds(cells[table.timeCell] ?? '');
    if (time === undefined) {
      this.#damage.add('bad-time', line);
      return;
    }
    const values = new Array<Cell>(table.columns.length);
    for (const [index, { cell }] of table.columns.entries()) {
      const text = cells[cell] ?? '';
      const value = text === '' ? undefined : kinds[index]?.type === 'text' ? text : parseNumber(text);
      if (value === undefined && text !== '') {
        this.#damage.add('bad-number', line);
        return;
      }
      values[index] = value;
    }
    this.#rows.push({ line, time, values });
  }
}
