/** Index of the first of ascending `times` that, `shift` added, is not before `time`. */
export function lowerBound(times: Float64Array, time: number, shift = 0): number {
  return lowerBoundOf((i) => times[i] as number, times.length, time, shift);
}

/** The same of `length` times that are told one by one. */
export function lowerBoundOf(timeAt: (i: number) => number, length: number, time: number, shift: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeAt(middle) + shift < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
