import type { ChannelSum, Cycle } from '../query/cycles.ts';
import { textTable } from './text-table.ts';
import { formatTime } from './time-text.ts';

/** Columns of the tables whose cells are numbers. */
const CYCLE_NUMBERS: ReadonlySet<number> = new Set([1, 4]);
const SUM_NUMBERS: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7]);

/** Digits that a sum is shown with. */
const DIGITS = 7;

/** Cycles for people, a line each, with a head. */
export function cycleTable(cycles: readonly Cycle[]): string[] {
  const rows = cycles.map(({ name, number, label, from, to, state, cause, gateway }) => {
    const seconds = to === undefined ? '' : ((to - from) / 1e6).toFixed(3);
    const ends = to === undefined ? '' : formatTime(to);
    return [name, label === '' ? String(number) : label, formatTime(from), ends, seconds, state, gateway, cause];
  });
  return textTable(
    [['CYCLE', 'NUMBER', 'FROM (UTC)', 'TO', 'SECONDS', 'STATE', 'GATEWAY', 'WHY'], ...rows],
    CYCLE_NUMBERS,
  );
}

/** Sums for people, a line a channel, with a head; nothing where there are none. */
export function sumTable(sums: readonly ChannelSum[]): string[] {
  if (sums.length === 0) return [];
  const rows = sums.map(({ channel, unit, count, min, max, mean, first, last }) => {
    return [
      channel,
      unit,
      String(count),
      ...[min, max, mean, first, last].map((each) => `${Number(each.toPrecision(DIGITS))}`),
    ];
  });
  return textTable([['CHANNEL', 'UNIT', 'SAMPLES', 'MIN', 'MAX', 'MEAN', 'FIRST', 'LAST'], ...rows], SUM_NUMBERS);
}
