import { FAN_OUT } from '../../../gateway/store/block-schema.ts';
import { type IndexRow, IndexTree } from '../../../gateway/store/index-tree.ts';

/** FAN_OUT rows of one level: those under row `group` of the next. */
export interface GroupKey {
  readonly roster: number;
  readonly level: number;
  readonly group: number;
}

/** An index of series in which no ordinal is missing: which rows there are follows from the number of packs. */
export abstract class GroupedIndex extends IndexTree {
  /** Packs of a roster, one more than its last ordinal. */
  abstract packsOf(roster: number): number;

  /** The first `count` rows of a group; fewer where they are not here. */
  abstract rows(key: GroupKey, count: number): readonly IndexRow[];

  roots(roster: number): IndexRow[] {
    const packs = this.packsOf(roster);
    let level = 0;
    while (packs >= FAN_OUT ** (level + 1)) level += 1;
    const roots: IndexRow[] = [];
    for (; level >= 0; level -= 1) {
      const end = Math.floor(packs / FAN_OUT ** level);
      if (end % FAN_OUT > 0)
        roots.push(...this.rows({ roster, level, group: Math.floor(end / FAN_OUT) }, end % FAN_OUT));
    }
    return roots;
  }

  children({ roster, level, ordinal }: Pick<IndexRow, 'roster' | 'level' | 'ordinal'>): readonly IndexRow[] {
    return this.rows({ roster, level: level - 1, group: ordinal }, FAN_OUT);
  }
}

export function textOf({ roster, level, group }: GroupKey): string {
  return `${roster} ${level} ${group}`;
}
