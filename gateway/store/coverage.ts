import type { Span } from './derivation.ts';

/** Consecutive samples as they were kept: sequence numbers [firstSequence, endSequence), stored times, microseconds. */
export interface SampleRun {
  readonly firstSequence: number;
  readonly endSequence: number;
  /** Least and greatest stored time, both inclusive. */
  readonly timeMin: number;
  readonly timeMax: number;
}

/** Spans of one derivation and stamp. Beyond: refused, because each is one more place to look at for every query. */
export const SPANS_MAX = 4096;

/**
 * Where a boot's samples are there without a hole: what is made of them can stand for these times and no others. Runs come
 * in the order of their sequence numbers.
 */
export class Coverage {
  readonly #spans: Span[] = [];
  #from = Number.NEGATIVE_INFINITY;
  #end = 0;
  #last: number | undefined;

  add({ firstSequence, endSequence, timeMin, timeMax }: SampleRun): void {
    if (firstSequence > this.#end) {
      if (this.#last !== undefined) this.#close(this.#last + 1);
      this.#from = timeMin;
    }
    this.#end = Math.max(this.#end, endSequence);
    this.#last = Math.max(this.#last ?? timeMax, timeMax);
  }

  /**
   * The spans, ascending and apart; those that reach to the first or the last number of the boot are open there.
   * @param endSequence one past the last number that was given out
   */
  spans(endSequence: number): Span[] {
    if (this.#last === undefined) return [];
    const to = endSequence > this.#end ? this.#last + 1 : Number.POSITIVE_INFINITY;
    return [...this.#spans, { from: this.#next(), to }].filter(isNotEmpty);
  }

  #close(to: number): void {
    const span = { from: this.#next(), to };
    if (isNotEmpty(span)) this.#spans.push(span);
  }

  /** Where times step back, as they may with a device's own stamps, a span begins where the one before ends. */
  #next(): number {
    return Math.max(this.#from, this.#spans.at(-1)?.to ?? Number.NEGATIVE_INFINITY);
  }
}

/** What of spans lies in one. */
export function clipped(spans: readonly Span[], within: Span): Span[] {
  return spans
    .map(({ from, to }) => ({ from: Math.max(from, within.from), to: Math.min(to, within.to) }))
    .filter(isNotEmpty);
}

function isNotEmpty({ from, to }: Span): boolean {
  return from < to;
}
