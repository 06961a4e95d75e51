import type { IndexTree } from '../index-tree.ts';
import type { MergeSource } from './merge-plan.ts';

/**
 * Where packs of other series stand between packs of this one in the feed and have samples of the same channels, ascending. One pack in the place of
 * those around such a position would change the order in which samples of a channel were taken in.
 * @param after only positions behind this one
 * @param before only positions before this one
 */
export function crossingsOf(
  index: IndexTree,
  roster: number,
  sources: readonly Pick<MergeSource, 'position' | 'entries'>[],
  after = Number.NEGATIVE_INFINITY,
  before = Number.POSITIVE_INFINITY,
): number[] {
  const last = sources.at(-1)?.position ?? 0;
  const end = Math.min(last, before);
  const others = new Map<number, { readonly member: number; readonly first: number }[]>();
  for (const [own, channel] of index.channels(roster).entries()) {
    const first = sources.find(({ entries }) => entries[own] !== undefined)?.position;
    if (first === undefined || first === last) continue;
    for (const { roster: other, member } of index.series(channel)) {
      if (other === roster) continue;
      const members = others.get(other);
      if (members === undefined) others.set(other, [{ member, first }]);
      else members.push({ member, first });
    }
  }
  const crossings = [...others].flatMap(([other, members]) => {
    const least = Math.max(after, Math.min(...members.map(({ first }) => first)));
    const between = index.packs(other, (row) => row.lastPosition > least && row.firstPosition < end);
    return [...between].flatMap((row) => {
      const entries = row.entries();
      const isCrossing = members.some(
        ({ member, first }) => entries[member] !== undefined && row.firstPosition > first,
      );
      return isCrossing ? [row.firstPosition] : [];
    });
  });
  return crossings.sort((a, b) => a - b);
}
