import { CaissonError } from '../../gateway/errors.ts';
import type { Envelope, Samples, StoredChannel, Telemetry } from '../../gateway/query/telemetry.ts';
import { encodeColumn } from './columns.ts';
import type { EnvelopeMessage, QueryChunkMessage, QueryRequestMessage, SamplesMessage } from './messages.ts';
import type { Outflow } from './outflow.ts';

/** Channels of one query. Beyond: refused. */
const QUERY_CHANNELS_MAX = 256;

/** Samples of one chunk, 256 KiB as columns. Longer pieces are cut. */
const CHUNK_SAMPLES_MAX = 16_384;

/** UTF-16 units of text of one chunk; a single longer text travels alone. */
const CHUNK_TEXT_UNITS_MAX = 128 * 1024;

const NO_BYTES = new Uint8Array(0);

/**
 * Sends the answer to a query, reading the store only as fast as the reader takes it.
 * @throws CaissonError `query-invalid`, `channel-unknown`
 */
export async function answerQuery(
  telemetry: Telemetry,
  request: QueryRequestMessage,
  out: Outflow<QueryChunkMessage>,
): Promise<void> {
  const channels = requestedChannels(telemetry, request, QUERY_CHANNELS_MAX);
  const { from, to, pixels, version } = request;
  if (pixels > 0) {
    if (from === undefined || to === undefined) {
      throw new CaissonError('query-invalid', `${pixels} pixels of an open range, expected both from and to`);
    }
    for (const [index, { id }] of channels.entries()) {
      const envelope = encodeEnvelope(telemetry.envelope(id, from, to, pixels, version));
      if (!(await out.send({ channel: index, envelope }))) return;
    }
    return;
  }
  const first = from ?? -Number.MAX_SAFE_INTEGER;
  const end = to ?? Number.MAX_SAFE_INTEGER;
  if (!(first < end)) throw new CaissonError('query-invalid', `range [${first}, ${end}) is empty`);
  for (const [index, { id }] of channels.entries()) {
    for (const piece of telemetry.raw(id, first, end, version)) {
      for (const samples of chunksOf(piece)) {
        if (!(await out.send({ channel: index, samples }))) return;
      }
    }
  }
}

/**
 * The channels a request names.
 * @throws CaissonError `query-invalid` for none or too many, `channel-unknown`
 */
export function requestedChannels(
  telemetry: Telemetry,
  request: { readonly channels: readonly string[]; readonly gateway: string },
  channelsMax: number,
): StoredChannel[] {
  const { channels, gateway } = request;
  if (channels.length === 0 || channels.length > channelsMax) {
    throw new CaissonError('query-invalid', `${channels.length} channels asked for, expected 1 to ${channelsMax}`);
  }
  return channels.map((name) => telemetry.channel(name, gateway === '' ? undefined : gateway));
}

/** A piece of any length as messages of bounded size. */
export function* chunksOf({ times, values, late }: Samples): IterableIterator<SamplesMessage> {
  for (let start = 0; start < times.length; ) {
    const most = Math.min(times.length, start + CHUNK_SAMPLES_MAX);
    const end = values instanceof Float64Array ? most : textEnd(values, start, most);
    const column = encodeColumn(times.subarray(start, end));
    const flags = late?.subarray(start, end) ?? NO_BYTES;
    yield values instanceof Float64Array
      ? { times: column, values: encodeColumn(values.subarray(start, end)), texts: [], late: flags }
      : { times: column, values: NO_BYTES, texts: values.slice(start, end), late: flags };
    start = end;
  }
}

function textEnd(texts: readonly string[], start: number, most: number): number {
  let end = start;
  for (let units = 0; end < most; end += 1) {
    units += texts[end]?.length ?? 0;
    if (units > CHUNK_TEXT_UNITS_MAX && end > start) break;
  }
  return end;
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
