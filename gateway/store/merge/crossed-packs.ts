import type { IndexTree } from '../index-tree.ts';
import type { MergeSource } from './merge-plan.ts';

/**
 * True where a pack of another series stands between packs of this one in the feed and has samples of their channels: the order in which
 * samples of a channel were taken in, by positions, would change.
 */
export function areCrossed(
  index: IndexTree,
  roster: number,
  sources: readonly Pick<MergeSource, 'position' | 'entries'>[],
): boolean {
  const last = sources.at(-1)?.position ?? 0;
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
  return [...others].some(([other, members]) => {
    const least = Math.min(...members.map(({ first }) => first));
    const between = index.packs(other, (row) => row.lastPosition > least && row.firstPosition < last);
    return [...between].some((row) => {
      const entries = row.entries();
      return members.some(({ member, first }) => entries[member] !== undefined && row.firstPosition > first);
    });
  });
}
