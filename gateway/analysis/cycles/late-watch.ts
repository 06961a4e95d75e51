/** Cycles of a kind of which late samples are counted, the newest. Samples of older ones are in the store as ever. */
const REMEMBERED_MAX = 1024;

/** Samples that are held while it is not known what cycles there were. Beyond: not counted. */
const HELD_MAX = 1 << 16;

/** When a cycle was, microseconds, in the time of the samples that are seen. */
export interface CycleSpan {
  /** Its begin as stored, which its records name. */
  readonly begin: number;
  readonly from: number;
  readonly to: number;
}

/** A cycle whose sums are made, or were. */
export interface SettledCycle extends CycleSpan {
  /** Samples of its time that came since. */
  late: number;
  /** Sums of it are kept. */
  isSummed: boolean;
}

interface RememberedCycle extends SettledCycle {
  /** As many as were told. */
  told: number;
}

/** Counts what comes after the sums of its cycle were made. */
export class LateWatch {
  /** Where the newest of those cycles ends: what is not older is not late. */
  until = Number.NEGATIVE_INFINITY;
  /** By begin; no two overlap. */
  readonly #cycles: RememberedCycle[] = [];
  /** Times of samples that came before it was known what cycles there were; undefined once it is. */
  #held: number[] | undefined;
  #isDue = false;

  /** Holds what is older than `until` until {@link LateWatch.recall}. */
  hold(until: number): void {
    this.#held = [];
    this.until = until;
  }

  /** What there was before: cycles with sums, and how many late samples of each were told. */
  recall(cycles: readonly (CycleSpan & { readonly late: number })[]): void {
    this.until = Number.NEGATIVE_INFINITY;
    for (const { late, ...span } of cycles) this.#remember({ ...span, late, told: late, isSummed: true });
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const time of held) if (time < this.until) this.see(time);
  }

  /** What comes from now on of the time of a cycle is late. */
  settle(span: CycleSpan): SettledCycle {
    const known = this.#cycles.find(({ begin }) => begin === span.begin);
    const cycle = known ?? { ...span, late: 0, told: 0, isSummed: false };
    cycle.late = 0;
    if (known === undefined) this.#remember(cycle);
    return cycle;
  }

  #remember(cycle: RememberedCycle): void {
    this.#cycles.push(cycle);
    this.#cycles.sort((a, b) => a.from - b.from);
    if (this.#cycles.length > REMEMBERED_MAX) this.#cycles.shift();
    this.until = Math.max(this.until, cycle.to);
  }

  /** A sample that is older than {@link LateWatch.until}. */
  see(time: number): void {
    if (!Number.isSafeInteger(time)) return;
    if (this.#held !== undefined) {
      if (this.#held.length < HELD_MAX) this.#held.push(time);
      return;
    }
    let [low, high] = [0, this.#cycles.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cycles[middle]?.from ?? 0) <= time) low = middle + 1;
      else high = middle;
    }
    const cycle = this.#cycles[low - 1];
    if (cycle === undefined || time >= cycle.to) return;
    cycle.late += 1;
    this.#isDue = true;
  }

  /** As {@link LateWatch.see}, of those of samples [from, to) that are. */
  seeColumn(times: Float64Array, from: number, to: number): void {
    const { until } = this;
    for (let i = from; i < to; i += 1) if ((times[i] as number) < until) this.see(times[i] as number);
  }

  /** Cycles with sums that have more late samples than were told. */
  takeLate(): SettledCycle[] {
    if (!this.#isDue) return [];
    const late = this.#cycles.filter((cycle) => cycle.isSummed && cycle.late > cycle.told);
    for (const cycle of late) cycle.told = cycle.late;
    this.#isDue = this.#cycles.some((cycle) => !cycle.isSummed && cycle.late > 0);
    return late;
  }
}
