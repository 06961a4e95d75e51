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

/** The begin of a text that fits, with an ellipsis where something is cut off. */
export function fitted(text: string, width: number, measure: (text: string) => number): string {
  if (measure(text) <= width) return text;
  for (let end = text.length - 1; end > 0; end--) {
    const cut = `${text.slice(0, end)}\u2026`;
    if (measure(cut) <= width) return cut;
  }
  return '';
}
