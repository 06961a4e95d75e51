import { CaissonError } from '../../gateway/errors.ts';
import type { AskedTelemetry, StoredChannel } from '../../gateway/query/telemetry.ts';
import { utcFromText } from '../../gateway/utc-text.ts';

/** Channels of one query. Beyond: the query is refused. */
export const QUERY_CHANNELS_MAX = 64;

/** Raw samples of one query, all channels together. Beyond: the answer ends there and says `truncated`. */
export const QUERY_SAMPLES_MAX = 50_000;

/** A channel with its latest sample, as /api/v1/channels lists it. */
export interface ChannelListing extends StoredChannel {
  readonly latest: { readonly time: number; readonly value: number | string | null } | null;
}

export async function listChannels(telemetry: AskedTelemetry): Promise<{ channels: ChannelListing[] }> {
  const known = await telemetry.channels();
  // Asked for all at once, so that a store that fetches fetches them together.
  const listed = known.map(async (channel) => {
    const latest = await telemetry.latest(channel.id);
    return { ...channel, latest: latest === undefined ? null : { time: latest.time, value: jsonValue(latest.value) } };
  });
  return { channels: await Promise.all(listed) };
}

/** What a range query asks; times UTC, microseconds. */
export interface RangeQuery {
  readonly channels: readonly string[];
  readonly from: number;
  readonly to: number;
  /** Columns of an envelope; undefined asks for raw samples. */
  readonly pixels: number | undefined;
  readonly gateway: string | undefined;
}

/**
 * Reads `channels=a,b` (or `channel=` once a name, where a name has a comma), `from`, `to`, `pixels`, `gateway`.
 * @param now UTC, microseconds: where `to` is left out
 * @throws CaissonError `query-invalid`
 */
export function parseRangeQuery(search: string, now: number): RangeQuery {
  return parseRange(new URLSearchParams(search), now, QUERY_CHANNELS_MAX);
}

/** As {@link parseRangeQuery}, of at most so many channels. */
export function parseRange(params: URLSearchParams, now: number, channelsMax: number): RangeQuery {
  const listed = params.getAll('channels').flatMap((list) => list.split(','));
  const channels = [...listed, ...params.getAll('channel')].filter((name) => name !== '');
  if (channels.length === 0 || channels.length > channelsMax) {
    throw new CaissonError('query-invalid', `${channels.length} channels, expected 1 to ${channelsMax}`, {
      hint: 'channels=name,name',
    });
  }
  const { from, to } = parseStretch(params, now, 60e6);
  const pixels = params.get('pixels');
  if (pixels !== null && !/^\d{1,6}$/.test(pixels)) {
    throw new CaissonError('query-invalid', `pixels is ${JSON.stringify(pixels)}, expected a whole number`);
  }
  return {
    channels,
    from,
    to,
    pixels: pixels === null ? undefined : Number(pixels),
    gateway: params.get('gateway') ?? undefined,
  };
}

/** Reads `from` and `to`; without them, the last `spanUs` microseconds before `now`. */
export function parseStretch(params: URLSearchParams, now: number, spanUs: number): { from: number; to: number } {
  const to = parseTime('to', params.get('to'), now);
  const from = parseTime('from', params.get('from'), to - spanUs);
  if (from >= to) throw new CaissonError('query-invalid', `from ${from} is not before to ${to}`);
  return { from, to };
}

/** The columns of every channel asked for, and what there is of them. NaN and infinities have no JSON and are null. */
export async function answerRangeQuery(telemetry: AskedTelemetry, query: RangeQuery): Promise<object> {
  const { from, to, pixels } = query;
  const found = await Promise.all(query.channels.map(async (name) => telemetry.channel(name, query.gateway)));
  if (pixels !== undefined) {
    const envelopes = found.map((channel) => envelopeOf(telemetry, channel, from, to, pixels));
    return { from, to, pixels, channels: await Promise.all(envelopes) };
  }
  const channels: Awaited<ReturnType<typeof rawOf>>[] = [];
  let room = QUERY_SAMPLES_MAX;
  for (const channel of found) {
    const samples = await rawOf(telemetry, channel, from, to, room);
    room -= samples.times.length;
    channels.push(samples);
  }
  return { from, to, channels, truncated: channels.some((channel) => channel.truncated) };
}

async function envelopeOf(
  telemetry: AskedTelemetry,
  channel: StoredChannel,
  from: number,
  to: number,
  pixels: number,
): Promise<object> {
  const coverage = await telemetry.coverage(channel.id, from, to);
  const { count, min, max, first, last } = await telemetry.envelope(channel.id, from, to, pixels);
  return {
    ...naming(channel),
    coverage,
    count: Array.from(count),
    min: Array.from(min),
    max: Array.from(max),
    first: Array.from(first),
    last: Array.from(last),
  };
}

async function rawOf(telemetry: AskedTelemetry, channel: StoredChannel, from: number, to: number, room: number) {
  const coverage = await telemetry.coverage(channel.id, from, to);
  const times: number[] = [];
  const values: (number | string)[] = [];
  let truncated = false;
  for await (const piece of telemetry.raw(channel.id, from, to)) {
    const taken = Math.min(piece.times.length, room - times.length);
    for (let i = 0; i < taken; i++) {
      times.push(piece.times[i] ?? Number.NaN);
      values.push(piece.values[i] ?? Number.NaN);
    }
    if (taken < piece.times.length) {
      truncated = true;
      break;
    }
  }
  return { ...naming(channel), coverage, times, values, truncated };
}

function naming(channel: StoredChannel) {
  return { name: channel.name, gateway: channel.gateway, unit: channel.unit, type: channel.type };
}

function parseTime(what: string, text: string | null, fallback: number): number {
  if (text === null || text === '') return fallback;
  const time = /^-?\d{1,16}$/.test(text) ? Number(text) : utcFromText(text);
  if (time === undefined || !Number.isSafeInteger(time)) {
    throw new CaissonError(
      'query-invalid',
      `${what} is ${JSON.stringify(text)}, expected UTC microseconds or ISO 8601`,
    );
  }
  return time;
}

function jsonValue(value: number | string): number | string | null {
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}
