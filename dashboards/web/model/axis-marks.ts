/**
 * The values of an enum that have room for a label on an axis from `low` to `high` over `height` pixels: ascending, at
 * least `room` pixels apart.
 */
export function enumMarks(values: Iterable<number>, low: number, high: number, height: number, room: number): number[] {
  const least = ((high - low) / Math.max(1, height)) * room;
  const marks: number[] = [];
  for (const value of [...values].sort((a, b) => a - b)) {
    if (value < low || value > high) continue;
    if (value - (marks.at(-1) ?? Number.NEGATIVE_INFINITY) >= least) marks.push(value);
  }
  return marks;
}

/** Digits behind the point that marks `step` apart need: 1 for 0.1 and 0.5, 2 for 0.25; at most 8. */
export function stepDigits(step: number): number {
  for (let digits = 0; digits < 8; digits++) {
    const scaled = step * 10 ** digits;
    if (scaled > 0.5 && Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return digits;
  }
  return step > 0 ? 8 : 0;
}

/** The begin of a text that fits, with an ellipsis where something is cut off. */
export function fitted(text: string, width: number, measure: (text: string) => number): string {
  if (measure(text) <= width) return text;
  for (let end = text.length - 1; end > 0; end--) {
    const cut = `${text.slice(0, end)}\u2026`;
    if (measure(cut) <= width) return cut;
  }
  return '';
}
