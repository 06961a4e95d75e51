import { CaissonError } from '../../gateway/errors.ts';
import { cutSamples } from '../../gateway/query/cut-samples.ts';
import type { AskedTelemetry, Envelope, Samples, StoredChannel } from '../../gateway/query/telemetry.ts';
import { encodeColumn } from './columns.ts';
import type { EnvelopeMessage, QueryChunkMessage, QueryRequestMessage, SamplesMessage } from './messages.ts';
import type { Outflow } from './outflow.ts';

/** Channels of one query. Beyond: refused. */
const QUERY_CHANNELS_MAX = 256;

const NO_BYTES = new Uint8Array(0);

/**
 * Sends the answer to a query, reading the store only as fast as the reader takes it.
 * @throws CaissonError `query-invalid`, `channel-unknown`
 */
export async function answerQuery(
  telemetry: AskedTelemetry,
  request: QueryRequestMessage,
  out: Outflow<QueryChunkMessage>,
): Promise<void> {
  const channels = await requestedChannels(telemetry, request, QUERY_CHANNELS_MAX);
  const { from, to, pixels, version } = request;
  if (pixels > 0) {
    if (from === undefined || to === undefined) {
      throw new CaissonError('query-invalid', `${pixels} pixels of an open range, expected both from and to`);
    }
    for (const [index, { id }] of channels.entries()) {
      const envelope = encodeEnvelope(await telemetry.envelope(id, from, to, pixels, version));
      if (!(await out.send({ channel: index, envelope }))) return;
    }
    return;
  }
  const first = from ?? -Number.MAX_SAFE_INTEGER;
  const end = to ?? Number.MAX_SAFE_INTEGER;
  if (!(first < end)) throw new CaissonError('query-invalid', `range [${first}, ${end}) is empty`);
  for (const [index, { id }] of channels.entries()) {
    for await (const piece of telemetry.raw(id, first, end, version)) {
      for (const samples of cutSamples(piece)) {
        if (!(await out.send({ channel: index, samples: encodeSamples(samples) }))) return;
      }
    }
  }
}

/**
 * The channels a request names.
 * @throws CaissonError `query-invalid` for none or too many, `channel-unknown`
 */
export async function requestedChannels(
  telemetry: AskedTelemetry,
  request: { readonly channels: readonly string[]; readonly gateway: string },
  channelsMax: number,
): Promise<StoredChannel[]> {
  const { channels, gateway } = request;
  if (channels.length === 0 || channels.length > channelsMax) {
    throw new CaissonError('query-invalid', `${channels.length} channels asked for, expected 1 to ${channelsMax}`);
  }
  const found: StoredChannel[] = [];
  for (const name of channels) found.push(await telemetry.channel(name, gateway === '' ? undefined : gateway));
  return found;
}

function encodeSamples({ times, values, late = NO_BYTES }: Samples): SamplesMessage {
  const column = encodeColumn(times);
  return values instanceof Float64Array
    ? { times: column, values: encodeColumn(values), texts: [], late }
    : { times: column, values: NO_BYTES, texts: values, late };
}

function encodeEnvelope(envelope: Envelope): EnvelopeMessage {
  const { from, to, pixels, count, min, max, first, last } = envelope;
  return {
    from,
    to,
    pixels,
    count: encodeColumn(count),
    min: encodeColumn(min),
    max: encodeColumn(max),
    first: encodeColumn(first),
    last: encodeColumn(last),
  };
}
