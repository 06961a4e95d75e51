import { isCycleChannel } from './cycles/cycle-channels.ts';
import { SESSION_CHANNEL } from './sessions/session-records.ts';

/**
 * True for a channel with records of what was done, cycles and sessions: small, and what people look for first. They are sealed at once, in
 * packs of their own, and travel before what they tell of.
 */
export function isRecordChannel(name: string): boolean {
  return isCycleChannel(name) || name === SESSION_CHANNEL.name;
}
