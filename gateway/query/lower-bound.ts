/** Index of the first of ascending `times` that, `shift` added, is not before `time`. */
export function lowerBound(times: Float64Array, time: number, shift = 0): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) + shift < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
