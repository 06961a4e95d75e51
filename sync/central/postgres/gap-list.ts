import type { KeptGap } from '../../../gateway/store/block-rows.ts';

/** A gap with its place in the feed. */
export interface PlacedGap extends KeptGap {
  readonly position: number;
}

/** Gaps of one channel and boot, which do not overlap, in the order of their sequence numbers. Never changed: a change is another list. */
export class GapList {
  readonly #gaps: readonly PlacedGap[];

  constructor(gaps: readonly PlacedGap[] = []) {
    this.#gaps = gaps;
  }

  /** The last gap that begins before a sequence number. */
  lastBefore(sequence: number): PlacedGap | undefined {
    return this.#gaps[this.#before(sequence) - 1];
  }

  beginningAt(firstSequence: number): PlacedGap | undefined {
    const gap = this.lastBefore(firstSequence + 1);
    return gap?.firstSequence === firstSequence ? gap : undefined;
  }

  /** The gaps that hold sequence numbers of [from, to). */
  touching(from: number, to: number): PlacedGap[] {
    const touching: PlacedGap[] = [];
    for (let at = this.#before(to) - 1; at >= 0; at -= 1) {
      const gap = this.#gaps[at];
      if (gap === undefined || (gap.firstSequence < from && gap.firstSequence + gap.count <= from)) break;
      if (gap.firstSequence + gap.count > from) touching.push(gap);
    }
    return touching.reverse();
  }

  /** With this one, in the place of one that begins where it does. */
  with(gap: PlacedGap): GapList {
    const rest = this.#gaps.filter(({ firstSequence }) => firstSequence !== gap.firstSequence);
    const at = rest.findLastIndex(({ firstSequence }) => firstSequence < gap.firstSequence) + 1;
    return new GapList(rest.toSpliced(at, 0, gap));
  }

  without(firstSequence: number): GapList {
    return new GapList(this.#gaps.filter((gap) => gap.firstSequence !== firstSequence));
  }

  /** Number of gaps that begin before a sequence number. */
  #before(sequence: number): number {
    let low = 0;
    let high = this.#gaps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#gaps[middle]?.firstSequence ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
