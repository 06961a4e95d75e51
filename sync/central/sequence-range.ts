/** Sequence numbers from `first` on, `end` not included. */
export interface SequenceRange {
  readonly first: number;
  readonly end: number;
}

/** What is left of a range when `taken` is taken out; `taken` ascending, not overlapping. */
export function withoutRanges(range: SequenceRange, taken: readonly SequenceRange[]): SequenceRange[] {
  const left: SequenceRange[] = [];
  let first = range.first;
  for (const each of taken) {
    if (each.end <= first) continue;
    if (each.first >= range.end) break;
    if (each.first > first) left.push({ first, end: each.first });
    first = each.end;
  }
  if (first < range.end) left.push({ first, end: range.end });
  return left;
}
