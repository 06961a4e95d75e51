import { attempt } from '../damage.ts';
import { type IndexEntry, mergeEntries } from '../index-entries.ts';
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
  if (first === undefined) return 'it covers nothing';
  const isOfOneKind = under.every(({ boot, stamp }) => boot === first.boot && stamp === first.stamp);
  const said = [row.lastPosition, row.boot, row.timeMin, row.timeMax];
  const is = [
    under.at(-1)?.lastPosition,
    isOfOneKind ? first.boot : undefined,
    Math.min(...under.map(({ timeMin }) => timeMin)),
    Math.max(...under.map(({ timeMax }) => timeMax)),
  ];
  if (said.some((value, i) => value !== is[i])) return `it says ${said.join(', ')}, what it covers is ${is.join(', ')}`;
  // The first of the packs may have been merged into a later one since.
  if (row.firstPosition > first.firstPosition) {
    return `it says that it begins at ${row.firstPosition}, but what it covers begins at ${first.firstPosition}`;
  }
  const isSum = row.entries().every((entry, member) => {
    const merged = under.reduce<IndexEntry | undefined>(
      (sum, each) => mergeEntries(sum, each.entries()[member]),
      undefined,
    );
    return isSame(entry, merged);
  });
  return isSum ? undefined : 'it is not the sum of what it covers';
}

/** Share of the greatest sum that there could be by which two may differ: what was merged is added up in another order. */
const SUM_TOLERANCE = 1e-8;

function isSame(a: IndexEntry | undefined, b: IndexEntry | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const { node: nodeA, ...restA } = a;
  const { node: nodeB, ...restB } = b;
  if (!Object.entries(restA).every(([field, value]) => Object.is(value, restB[field as keyof typeof restB])))
    return false;
  if (nodeA === undefined || nodeB === undefined) return nodeA === nodeB;
  if (!(['min', 'max', 'first', 'last'] as const).every((field) => Object.is(nodeA[field], nodeB[field]))) return false;
  const most = a.count * Math.max(Math.abs(nodeA.min), Math.abs(nodeA.max));
  const difference = Math.abs(nodeA.sum - nodeB.sum);
  return Object.is(nodeA.sum, nodeB.sum) || difference <= SUM_TOLERANCE * most || !Number.isFinite(most);
}
