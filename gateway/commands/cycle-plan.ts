import { existsSync } from 'node:fs';
import type { CyclesConfig } from '../analysis/cycles/cycles-config.ts';
import { unknownTrigger } from '../analysis/cycles/trigger-problem.ts';
import { storePaths } from '../store/store-dir.ts';

/** What becomes of one kind of cycle. */
export interface CyclePlan {
  readonly name: string;
  /** How the channel tells, and which it is. */
  readonly told: string;
  /** What the store says against it; undefined where nothing is, or there is no store yet. */
  readonly note?: string;
}

/**
 * Kinds of cycles that a gateway with this config looks for.
 * @param names of channels that its store has; a channel that is not among them may come, and so is a note
 */
export function cyclePlans(cycles: CyclesConfig, names?: readonly string[]): CyclePlan[] {
  return Object.entries(cycles).map(([name, { trigger, channel }]) => {
    const isUnknown = names !== undefined && !names.includes(channel);
    const note = isUnknown && { note: `${unknownTrigger(channel, names)}; it may not have come yet` };
    return { name, told: `${trigger} of ${channel}`, ...note };
  });
}

/** Names of the channels of the store in a folder; undefined where there is none, or it cannot be read. */
export async function storedNames(dir: string): Promise<string[] | undefined> {
  const { blocks: path } = storePaths(dir);
  if (!existsSync(path)) return undefined;
  // Loaded where there is something to read.
  const { BlockReader } = await import('../store/block-reader.ts');
  try {
    const blocks = BlockReader.openReadonly(path);
    const { channels } = blocks.channelsAfter(0);
    blocks.close();
    return channels.map(({ name }) => name);
  } catch {
    return undefined;
  }
}
