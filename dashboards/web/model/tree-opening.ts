import type { GroupIsOpen } from './tree.ts';

/** A gateway with this many channels or fewer, its own aside, is shown whole. */
const WHOLE_CHANNELS_MAX = 40;

/**
 * Which groups are open before a person opens or closes any: those down to the sources, and those on the way to a charted
 * channel. What the gateway tells of itself starts closed, unless there is nothing else.
 *
 * @param foreignChannels channels that are not the gateway's own
 * @param sourceLevel depth at which sources part: 0 at a gateway, 1 at central
 * @param revealed paths of groups on the way to charted channels
 */
export function startsOpen(foreignChannels: number, sourceLevel: number, revealed: ReadonlySet<string>): GroupIsOpen {
  return (path, depth, isOwn) => {
    if (revealed.has(path)) return true;
    if (isOwn) return foreignChannels === 0 && depth <= sourceLevel;
    return depth <= sourceLevel || foreignChannels <= WHOLE_CHANNELS_MAX;
  };
}

/** Paths of the groups that a channel stands in. */
export function groupsAbove(path: string): string[] {
  const groups: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) groups.push(path.slice(0, at));
  return groups;
}
