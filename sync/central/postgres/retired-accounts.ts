import { FAN_OUT } from '../../../gateway/store/block-schema.ts';
import type { GivenUpAccount } from '../../../gateway/store/given-up.ts';
import type { IndexTree } from '../../../gateway/store/index-tree.ts';

/**
 * Samples of every channel and boot that were retired, from as few rows of the index as tell it.
 * @param retiredOf one past the last ordinal of a roster that was retired
 */
export function retiredAccounts(
  index: IndexTree,
  rosters: readonly number[],
  retiredOf: (roster: number) => number,
): GivenUpAccount[] {
  const accounts = new Map<string, GivenUpAccount>();
  for (const roster of rosters) {
    const retired = retiredOf(roster);
    const open = retired === 0 ? [] : index.roots(roster);
    for (let row = open.pop(); row !== undefined; row = open.pop()) {
      const { boot, level, ordinal } = row;
      const packs = FAN_OUT ** level;
      if (ordinal * packs >= retired) continue;
      if (boot === undefined || (ordinal + 1) * packs > retired) {
        open.push(...index.children(row));
        continue;
      }
      for (const [member, channel] of index.channels(roster).entries()) {
        const count = row.entries()[member]?.count ?? 0;
        const key = `${channel} ${boot}`;
        const thinned = (accounts.get(key)?.thinned ?? 0) + count;
        accounts.set(key, { channel, boot, thinned, dropped: 0, end: 0, time: Number.NEGATIVE_INFINITY });
      }
    }
  }
  return [...accounts.values()].filter(({ thinned }) => thinned > 0);
}
