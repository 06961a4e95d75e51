import type { ChannelSpec } from '../../gateway/channel.ts';

/** Time between the last sample of one lap and the first of the next, microseconds. */
const LAP_GAP_US = 10_000;

/** What cars sent, decoded by the collectors: one element a sample, in the order in which they came. */
export interface Drive {
  readonly name: string;
  /** As the collector describes them; `channels` holds indices into this. */
  readonly specs: readonly ChannelSpec[];
  readonly channels: Float64Array;
  /** UTC, whole microseconds. */
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/** Times and values of one channel. */
export interface Columns {
  /** Microseconds, ascending. */
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/** The samples of each channel in the order a query gives them: by time, and where times are equal as they came. */
export function columnsByChannel({ specs, channels, times, values }: Drive): Columns[] {
  const counts = new Uint32Array(specs.length);
  for (const channel of channels) counts[channel] = (counts[channel] as number) + 1;
  const columns = Array.from(counts, (count) => ({
    times: new Float64Array(count),
    values: new Float64Array(count),
  }));
  counts.fill(0);
  for (let i = 0; i < times.length; i += 1) {
    const channel = channels[i] as number;
    const at = counts[channel] as number;
    const column = columns[channel] as Columns;
    column.times[at] = times[i] as number;
    column.values[at] = values[i] as number;
    counts[channel] = at + 1;
  }
  return columns.map(byTime);
}

/** The same samples, all of one channel before those of the next. */
export function byChannel(drive: Drive): Drive {
  const { length } = drive.times;
  const sorted = {
    channels: new Float64Array(length),
    times: new Float64Array(length),
    values: new Float64Array(length),
  };
  let at = 0;
  for (const [channel, { times, values }] of columnsByChannel(drive).entries()) {
    sorted.channels.fill(channel, at, at + times.length);
    sorted.times.set(times, at);
    sorted.values.set(values, at);
    at += times.length;
  }
  return { ...drive, ...sorted };
}

/** From the first sample of a lap to the first of the next, microseconds, when a drive is fed again and again. */
export function lapUsOf({ times }: Drive): number {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const time of times) {
    least = Math.min(least, time);
    greatest = Math.max(greatest, time);
  }
  return greatest - least + LAP_GAP_US;
}

/** The first `count` samples, as they came. */
export function headOf(drive: Drive, count: number): Drive {
  return {
    ...drive,
    channels: drive.channels.subarray(0, count),
    times: drive.times.subarray(0, count),
    values: drive.values.subarray(0, count),
  };
}

/** The same with times in whole milliseconds. */
export function inMilliseconds(drive: Drive): Drive {
  return { ...drive, times: drive.times.map((time) => Math.round(time / 1e3) * 1e3) };
}

function byTime(columns: Columns): Columns {
  const { times, values } = columns;
  if (times.every((time, i) => i === 0 || (times[i - 1] as number) <= time)) return columns;
  const order = Uint32Array.from(times.keys()).sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
  return {
    times: Float64Array.from(order, (row) => times[row] as number),
    values: Float64Array.from(order, (row) => values[row] as number),
  };
}
