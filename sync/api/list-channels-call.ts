import { CaissonError } from '../../gateway/errors.ts';
import type { AskedTelemetry } from '../../gateway/query/telemetry.ts';
import { encodeChannel } from './channel-message.ts';
import type { ChannelMessage, ListChannelsRequestMessage, ListChannelsResponseMessage } from './messages.ts';

/** Size of one page, in channels and in UTF-16 units of what is said of them. */
const PAGE_CHANNELS_MAX = 10_000;
const PAGE_UNITS_MAX = 1 << 20;

/** Names of one request. Beyond: refused. */
const NAMES_MAX = 4096;

/**
 * One page of channels.
 * @throws CaissonError `query-invalid` for too many names
 */
export async function answerListChannels(
  telemetry: AskedTelemetry,
  request: ListChannelsRequestMessage,
): Promise<ListChannelsResponseMessage> {
  if (request.names.length > NAMES_MAX) {
    throw new CaissonError('query-invalid', `${request.names.length} names asked for, expected at most ${NAMES_MAX}`);
  }
  const names = new Set(request.names);
  const page: ChannelMessage[] = [];
  let units = 0;
  for (const channel of await telemetry.channels()) {
    if (channel.id <= request.after) continue;
    if (request.gateway !== '' && channel.gateway !== request.gateway) continue;
    if (names.size > 0 && !names.has(channel.name)) continue;
    if (page.length === PAGE_CHANNELS_MAX || units >= PAGE_UNITS_MAX) return { channels: page, more: true };
    units += JSON.stringify(channel).length;
    page.push(encodeChannel(channel));
  }
  return { channels: page, more: false };
}
