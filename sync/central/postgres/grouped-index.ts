import { FAN_OUT } from '../../../gateway/store/block-schema.ts';
import { type IndexRow, IndexTree } from '../../../gateway/store/index-tree.ts';

/** FAN_OUT rows of one level: those under row `group` of the next. */
export interface GroupKey {
  readonly roster: number;
  readonly level: number;
  readonly group: number;
}

/** An index of series in which no ordinal is missing behind those that moved: which rows there are follows from two numbers. */
export abstract class GroupedIndex extends IndexTree {
  /** Packs of a roster, one more than its last ordinal. */
  abstract packsOf(roster: number): number;

  /** One past the last ordinal of a roster whose pack has moved to another series; 0 where none has. */
  abstract movedOf(roster: number): number;

  /** The rows of a group in places [from, to) of it; none where one of them is not here. */
  abstract rows(key: GroupKey, from: number, to: number): readonly IndexRow[];

  roots(roster: number): IndexRow[] {
    return rootRanges(this.movedOf(roster), this.packsOf(roster)).flatMap(({ level, from, to }) => {
      const group = Math.floor(from / FAN_OUT);
      return this.rows({ roster, level, group }, from - group * FAN_OUT, to - group * FAN_OUT);
    });
  }

  children({ roster, level, ordinal }: Pick<IndexRow, 'roster' | 'level' | 'ordinal'>): readonly IndexRow[] {
    return this.rows({ roster, level: level - 1, group: ordinal }, 0, FAN_OUT);
  }
}

/** Rows of one group, by their ordinals. */
interface RowRange {
  readonly level: number;
  readonly from: number;
  readonly to: number;
}

/** As few rows as cover the packs with ordinals [begin, end), in their order. */
function rootRanges(begin: number, end: number): RowRange[] {
  const ranges: RowRange[] = [];
  let [level, span, at] = [0, 1, begin];
  // Up, while all of a group is behind.
  for (;;) {
    const from = at / span;
    const groupEnd = (Math.floor(from / FAN_OUT) + 1) * FAN_OUT;
    if (groupEnd * span > end) break;
    if (from % FAN_OUT > 0) {
      ranges.push({ level, from, to: groupEnd });
      at = groupEnd * span;
    }
    level += 1;
    span *= FAN_OUT;
  }
  for (; level >= 0; level -= 1) {
    const [from, to] = [at / span, Math.floor(end / span)];
    if (to > from) ranges.push({ level, from, to });
    at = to * span;
    span /= FAN_OUT;
  }
  return ranges;
}

export function textOf({ roster, level, group }: GroupKey): string {
  return `${roster} ${level} ${group}`;
}
