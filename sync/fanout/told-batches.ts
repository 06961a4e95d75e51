import type { LiveBatch } from '../../gateway/query/telemetry.ts';
import type { LiveUpdateMessage } from '../api/live-messages.ts';
import { decodeLiveValue, decodeRun } from './live-update.ts';

/**
 * What a message of another process tells of channels that are wanted here.
 * @param wanted their ids here, by name
 * @throws CaissonError `peer-invalid` for columns that are none
 */
export function* toldBatches(
  { samples, values, channels }: LiveUpdateMessage,
  wanted: ReadonlyMap<string, number>,
): IterableIterator<LiveBatch> {
  for (const message of samples) {
    const channel = wanted.get(message.channel);
    if (channel === undefined) continue;
    const run = decodeRun(message);
    yield { channel, times: run.times, values: run.values, start: 0, end: run.times.length, utcOffset: run.utcOffset };
  }
  for (const message of values) {
    const channel = wanted.get(channels[message.channel] ?? '');
    if (channel === undefined) continue;
    const { time, value } = decodeLiveValue(message);
    const column = typeof value === 'string' ? [value] : Float64Array.of(value);
    yield { channel, times: Float64Array.of(time), values: column, start: 0, end: 1, utcOffset: 0 };
  }
}
