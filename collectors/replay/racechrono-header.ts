import { COLUMNS_MAX, type ColumnTitle, columnsOf, type HeaderParser, type RecordingTable } from './recording-table.ts';

/** Group of columns that no device or calculation is named for: lap, elapsed time, distance. */
const NO_SOURCE = 'session';

/**
 * RaceChrono Pro CSV, version 3: lines of facts about the session, then three lines that say name, unit and source of
 * every column. Times are UTC.
 */
export class RaceChronoHeader implements HeaderParser {
  #isVersion3 = false;
  #isFirst = true;
  #names: readonly string[] | undefined;
  #units: readonly string[] | undefined;

  take(cells: readonly string[]): 'more' | 'other' | RecordingTable {
    const [key = '', fact = ''] = cells;
    if (this.#isFirst) {
      this.#isFirst = false;
      return key.includes('RaceChrono') ? 'more' : 'other';
    }
    if (this.#units !== undefined && this.#names !== undefined) return tableOf(this.#names, this.#units, cells);
    if (this.#names !== undefined) {
      this.#units = cells;
      return cells[this.#names.indexOf('timestamp')] === 'unix time' ? 'more' : 'other';
    }
    if (this.#isVersion3 && cells.length > 1 && cells.includes('timestamp')) {
      this.#names = cells;
      return cells.length > COLUMNS_MAX ? 'other' : 'more';
    }
    if (key !== 'Format') return 'more';
    this.#isVersion3 = fact === '3';
    return this.#isVersion3 ? 'more' : 'other';
  }
}

function tableOf(names: readonly string[], units: readonly string[], sources: readonly string[]): RecordingTable {
  const timeCell = names.indexOf('timestamp');
  const groups = groupsOf(sources);
  const titles: ColumnTitle[] = [];
  for (const [cell, name] of names.entries()) {
    if (cell === timeCell) continue;
    const source = sources[cell] ?? '';
    titles.push({ cell, name, unit: units[cell] ?? '', group: groups.get(source) ?? NO_SOURCE });
  }
  const epoch = { kind: 'utc' } as const;
  return { format: 'RaceChrono Pro CSV', cells: names.length, timeCell, epoch, columns: columnsOf(titles) };
}

/** Group of each source: the kind of device, `gps` of `100: gps`; a second device of a kind has its number too, `gps_101`. */
function groupsOf(sources: readonly string[]): Map<string, string> {
  const groups = new Map<string, string>();
  const taken = new Set<string>();
  for (const source of sources) {
    if (source.trim() === '' || groups.has(source)) continue;
    const [, number = '', kind = source] = /^(\d+): *(.+)$/.exec(source) ?? [];
    const group = taken.has(kind) ? `${kind}_${number}` : kind;
    taken.add(group);
    groups.set(source, group);
  }
  return groups;
}
