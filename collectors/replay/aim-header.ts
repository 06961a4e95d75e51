import {
  COLUMNS_MAX,
  type ColumnTitle,
  columnsOf,
  type Epoch,
  type HeaderParser,
  type RecordingTable,
} from './recording-table.ts';

/** Signals of the logger's own receiver, `GPS Speed`, make a group; those of the car have no common name. */
const GPS = /^GPS +(?=\S)/;

/** Units that stand for none. */
const NO_UNIT = new Set(['#', '-']);

const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

/**
 * AiM RaceStudio 3 CSV: lines of facts about the run, an empty line, then two lines that say name and unit of every
 * column. Times count from the start, whose date is local, without a zone and exact to what is written: often the minute.
 */
export class AimHeader implements HeaderParser {
  readonly #facts = new Map<string, string>();
  #isFirst = true;
  #factsEnded = false;
  #names: readonly string[] | undefined;

  take(cells: readonly string[]): 'more' | 'other' | RecordingTable {
    const [key = '', fact = ''] = cells;
    if (this.#isFirst) {
      this.#isFirst = false;
      return key === 'Format' && fact.startsWith('AiM CSV') ? 'more' : 'other';
    }
    if (this.#names !== undefined) return this.#tableOf(this.#names, cells);
    if (cells.every((cell) => cell === '')) this.#factsEnded = true;
    else if (!this.#factsEnded) this.#facts.set(key, fact);
    else if (key !== 'Time' || cells.length < 2 || cells.length > COLUMNS_MAX) return 'other';
    else this.#names = cells;
    return 'more';
  }

  #tableOf(names: readonly string[], units: readonly string[]): RecordingTable | 'other' {
    if (units[0] !== 's') return 'other';
    const titles: ColumnTitle[] = [];
    for (const [cell, name] of names.entries()) {
      if (cell === 0) continue;
      const unit = (units[cell] ?? '').trim();
      const isGps = GPS.test(name);
      titles.push({
        cell,
        group: isGps ? 'gps' : '',
        name: isGps ? name.replace(GPS, '') : name,
        unit: NO_UNIT.has(unit) ? '' : unit,
      });
    }
    const rateHz = Number(this.#facts.get('Sample Rate'));
    return {
      format: 'AiM RaceStudio 3 CSV',
      cells: names.length,
      timeCell: 0,
      epoch: epochOf(this.#facts.get('Date') ?? '', this.#facts.get('Time') ?? ''),
      columns: columnsOf(titles),
      ...(rateHz > 0 && Number.isFinite(rateHz) ? { rateHz } : {}),
    };
  }
}

/** Start from a date such as `Sunday, January 25, 2026` and a time such as `1:57 PM` or `13:57:20`. */
function epochOf(date: string, time: string): Epoch {
  const [, month = '', day, year] = /^(?:[a-z]+, *)?([a-z]+) +(\d{1,2}), *(\d{4})$/i.exec(date.trim()) ?? [];
  const monthIndex = MONTHS.indexOf(month.toLowerCase());
  const [, hour, minute, second = '0', half] = /^(\d{1,2}):(\d\d)(?::(\d\d))?(?: *([ap]m))?$/i.exec(time.trim()) ?? [];
  const hours = hourOf(Number(hour), half?.toLowerCase());
  const start = Date.UTC(Number(year), monthIndex, Number(day), hours, Number(minute), Number(second)) * 1e3;
  if (monthIndex < 0 || Number.isNaN(start)) return { kind: 'unknown' };
  return { kind: 'local', start };
}

function hourOf(hour: number, half: string | undefined): number {
  if (half === undefined) return hour;
  return (hour % 12) + (half === 'pm' ? 12 : 0);
}
