import { CHANNELS_MAX } from './limits.ts';

/**
 * Which channels were heard since somebody looked, by channel id: not 0 where one was. Shared by the threads: the store marks the
 * channels of each commit, which costs nothing a sample; main marks those of which it left samples out, and looks once a second.
 */
export type ChannelActivity = Uint8Array;

export function createChannelActivity(): ChannelActivity {
  // Ids are dense, from 1, and one stands for all channels beyond the maximum.
  return new Uint8Array(new SharedArrayBuffer(CHANNELS_MAX + 2));
}
