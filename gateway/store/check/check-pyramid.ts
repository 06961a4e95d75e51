import { Buffer } from 'node:buffer';
import { FAN_OUT } from '../block-schema.ts';
import { attempt } from '../damage.ts';
import { encodeEntries, type IndexEntry, mergeEntries } from '../index-entries.ts';
import type { IndexRow } from '../pack-index.ts';
import type { FindingList } from './finding.ts';
import type { StoreRows } from './store-rows.ts';

/** Levels that a pyramid can have: more packs than SQLite has rows. */
const LEVELS_MAX = 16;

/** Holds every envelope against the rows under it. Yields after each. Returns how many there are. */
export function* checkPyramid(rows: StoreRows, findings: FindingList): Generator<void, number> {
  let count = 0;
  for (let level = 1; level <= LEVELS_MAX; level += 1) {
    const place = (row: IndexRow) => `blocks.db, envelope ${row.ordinal} of level ${level}, roster ${row.roster}`;
    for (const row of rows.indexRows(level)) {
      count += 1;
      const read = attempt(() => differenceOf(row, rows.children(row)));
      if ('damage' in read) findings.add(place(row), read.damage);
      else if (read.value !== undefined) findings.add(place(row), read.value);
      yield;
    }
  }
  return count;
}

function differenceOf(row: IndexRow, under: readonly IndexRow[]): string | undefined {
  const [first] = under;
  if (first === undefined || under.length < FAN_OUT) return `it covers ${under.length} rows, expected ${FAN_OUT}`;
  const isOfOneKind = under.every(({ boot, stamp }) => boot === first.boot && stamp === first.stamp);
  const said = [row.firstPosition, row.lastPosition, row.boot, row.timeMin, row.timeMax];
  const is = [
    first.firstPosition,
    under.at(-1)?.lastPosition,
    isOfOneKind ? first.boot : undefined,
    Math.min(...under.map(({ timeMin }) => timeMin)),
    Math.max(...under.map(({ timeMax }) => timeMax)),
  ];
  if (said.some((value, i) => value !== is[i])) return `it says ${said.join(', ')}, what it covers is ${is.join(', ')}`;
  const entries = row.entries();
  const merged = entries.map((_, member) =>
    under.reduce<IndexEntry | undefined>((sum, each) => mergeEntries(sum, each.entries()[member]), undefined),
  );
  return Buffer.compare(encodeEntries(entries), encodeEntries(merged)) === 0
    ? undefined
    : 'it is not the sum of what it covers';
}
