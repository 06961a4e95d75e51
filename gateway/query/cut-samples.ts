import type { Samples } from './telemetry.ts';

/** Samples of one piece that travels, 256 KiB as columns. */
const PIECE_SAMPLES_MAX = 16_384;

/** UTF-16 units of text of one piece; a single longer text travels alone. */
const PIECE_TEXT_UNITS_MAX = 128 * 1024;

/** A run of samples of any length as pieces of bounded size, which share its memory. */
export function* cutSamples({ times, values, late }: Samples): IterableIterator<Samples> {
  for (let start = 0; start < times.length; ) {
    const most = Math.min(times.length, start + PIECE_SAMPLES_MAX);
    const end = values instanceof Float64Array ? most : textEnd(values, start, most);
    yield {
      times: times.subarray(start, end),
      values: values instanceof Float64Array ? values.subarray(start, end) : values.slice(start, end),
      late: late?.subarray(start, end),
    };
    start = end;
  }
}

function textEnd(texts: readonly string[], start: number, most: number): number {
  let end = start;
  for (let units = 0; end < most; end += 1) {
    units += texts[end]?.length ?? 0;
    if (units > PIECE_TEXT_UNITS_MAX && end > start) break;
  }
  return end;
}
