import { CHANNELS_MAX } from './limits.ts';

/**
 * Which channels are fresh, by channel id: 1 where one is. All others are stale. Shared by the threads: main says it once a second,
 * those who serve tell it to viewers.
 */
export type ChannelFreshness = Uint8Array;

export function createChannelFreshness(): ChannelFreshness {
  return new Uint8Array(new SharedArrayBuffer(CHANNELS_MAX + 2));
}
