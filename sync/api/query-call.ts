import { CaissonError } from '../../gateway/errors.ts';
import { cutSamples } from '../../gateway/query/cut-samples.ts';
import { requireVersion } from '../../gateway/query/require-version.ts';
import type { AskedTelemetry, Envelope, Samples, StoredChannel } from '../../gateway/query/telemetry.ts';
import { encodeColumn } from './columns.ts';
import { encodeCoverage } from './coverage-message.ts';
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
  const { pixels, coverage, version } = request;
  if (version !== undefined) requireVersion(channels, version, await telemetry.versions());
  if (pixels > 0 && (request.from === undefined || request.to === undefined)) {
    throw new CaissonError('query-invalid', `${pixels} pixels of an open range, expected both from and to`);
  }
  const { from = -Number.MAX_SAFE_INTEGER, to = Number.MAX_SAFE_INTEGER } = request;
  if (!(from < to)) throw new CaissonError('query-invalid', `range [${from}, ${to}) is empty`);
  for (const [index, { id }] of channels.entries()) {
    // Before the samples: what comes to be here meanwhile is in the answer though it says that it is not, never the other way round.
    const known = coverage === 'QUERY_COVERAGE_NONE' ? undefined : await telemetry.coverage(id, from, to);
    if (known !== undefined && !(await out.send({ channel: index, coverage: encodeCoverage(known) }))) return;
    if (coverage === 'QUERY_COVERAGE_ONLY') continue;
    const range = { from, to, pixels, version };
    for await (const columns of columnsOf(telemetry, id, range)) {
      if (!(await out.send({ channel: index, ...columns }))) return;
    }
  }
}

async function* columnsOf(
  telemetry: AskedTelemetry,
  channel: number,
  {
    from,
    to,
    pixels,
    version,
  }: Pick<QueryRequestMessage, 'pixels'> & {
    readonly from: number;
    readonly to: number;
    readonly version: number | undefined;
  },
): AsyncGenerator<Omit<QueryChunkMessage, 'channel'>, void, undefined> {
  if (pixels > 0) {
    yield { envelope: encodeEnvelope(await telemetry.envelope(channel, from, to, pixels, version)) };
    return;
  }
  for await (const piece of telemetry.raw(channel, from, to, version)) {
    for (const samples of cutSamples(piece)) yield { samples: encodeSamples(samples) };
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
