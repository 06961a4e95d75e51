import type { Envelope } from '../../gateway/query/telemetry.ts';

/** A sample at a time, by time; false when there is none left. */
export interface SampleCursor {
  readonly time: number;
  readonly value: number;
}

/**
 * M4 as it is defined: every sample of [from, to) into its pixel; of each pixel the number of samples, the least and the
 * greatest value, and the first and the last by time.
 *
 * @param samples by time, none of them NaN
 */
export function bruteForceM4(samples: Iterable<SampleCursor>, from: number, to: number, pixels: number): Envelope {
  const empty = () => new Float64Array(pixels).fill(Number.NaN);
  const m4 = {
    from,
    to,
    pixels,
    count: new Float64Array(pixels),
    min: empty(),
    max: empty(),
    first: empty(),
    last: empty(),
  };
  for (const { time, value } of samples) {
    if (time < from || time >= to) continue;
    const pixel = Math.min(Math.floor((time - from) * (pixels / (to - from))), pixels - 1);
    if (m4.count[pixel] === 0) m4.first[pixel] = value;
    m4.count[pixel] = (m4.count[pixel] ?? 0) + 1;
    if (!((m4.min[pixel] ?? 0) <= value)) m4.min[pixel] = value;
    if (!((m4.max[pixel] ?? 0) >= value)) m4.max[pixel] = value;
    m4.last[pixel] = value;
  }
  return m4;
}

/** Pixels in which two envelopes of the same range are not the same, bit by bit. */
export function differingPixels(a: Envelope, b: Envelope): number {
  const columns = ['count', 'min', 'max', 'first', 'last'] as const;
  let differing = 0;
  for (let pixel = 0; pixel < a.pixels; pixel += 1) {
    if (columns.some((column) => !Object.is(a[column][pixel], b[column][pixel]))) differing += 1;
  }
  return differing;
}
