import type { Telemetry } from '../../gateway/query/telemetry.ts';
import { encodeChannel } from './channel-message.ts';
import type { ChannelMessage, ListChannelsRequestMessage, ListChannelsResponseMessage } from './messages.ts';

/** Size of one page, in channels and in UTF-16 units of what is said of them. */
const PAGE_CHANNELS_MAX = 10_000;
const PAGE_UNITS_MAX = 1 << 20;

/** One page of channels. */
export function answerListChannels(
  telemetry: Telemetry,
  request: ListChannelsRequestMessage,
): ListChannelsResponseMessage {
  const page: ChannelMessage[] = [];
  let units = 0;
  for (const channel of telemetry.channels()) {
    if (channel.id <= request.after) continue;
    if (request.gateway !== '' && channel.gateway !== request.gateway) continue;
    if (page.length === PAGE_CHANNELS_MAX || units >= PAGE_UNITS_MAX) return { channels: page, more: true };
    units += JSON.stringify(channel).length;
    page.push(encodeChannel(channel));
  }
  return { channels: page, more: false };
}
