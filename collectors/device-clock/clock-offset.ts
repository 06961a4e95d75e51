/** Stretch of which the stamp that came with the least delay counts, microseconds. */
const STRETCH_US = 10e6;

/** Stretches that are looked at: ten minutes. At the maximum the oldest is forgotten. */
const STRETCHES_MAX = 60;

/** Stretches from which on a drift can be told from delays. */
const DRIFT_STRETCHES_MIN = 12;

/** A clock was set when so many stretches in a row are off the line by this, and by so many times what is usual. */
const STEP_STRETCHES = 3;
const STEP_US = 100e3;
const STEP_SPREADS = 10;

interface Point {
  /** UTC of the box, microseconds. */
  readonly time: number;
  /** Device's clock minus UTC of the box, microseconds. */
  readonly offset: number;
}

/**
 * How far the clock of a device is ahead of UTC, from the stamps of its samples and when they arrived. A wire only ever delays, so
 * of each stretch the stamp counts that is farthest ahead; through those a line is laid that a few wrong ones do not move
 * (Theil-Sen: the median of all slopes, and of what is left). The least delay of the wire cannot be told from a clock that
 * is behind by as much.
 */
export class ClockOffset {
  #points: Point[] = [];
  #end = Number.NaN;
  #best: Point | undefined;
  #slope = 0;
  #level = Number.NaN;
  #spread = 0;

  /** How much the device's clock is too fast, parts in a million; NaN before it is known. */
  get driftPpm(): number {
    return this.#points.length < DRIFT_STRETCHES_MIN ? Number.NaN : this.#slope * 1e6;
  }

  /** A sample arrived. `stamp` the device's UTC, `arrival` that of the box, microseconds. */
  observe(stamp: number, arrival: number): void {
    if (!(arrival < this.#end)) this.#finish(arrival);
    const offset = stamp - arrival;
    if (this.#best === undefined || offset > this.#best.offset) this.#best = { time: arrival, offset };
  }

  /** Device's clock minus UTC, microseconds, at UTC `time`; NaN before a sample was seen. */
  at(time: number): number {
    const origin = this.#points[0]?.time;
    if (origin === undefined) return this.#best?.offset ?? Number.NaN;
    return this.#level + this.#slope * (time - origin);
  }

  #finish(arrival: number): void {
    this.#end = arrival + STRETCH_US;
    if (this.#best === undefined) return;
    this.#points.push(this.#best);
    this.#best = undefined;
    if (this.#points.length > STRETCHES_MAX) this.#points.shift();
    if (this.#isStep()) this.#points = this.#points.slice(-STEP_STRETCHES);
    this.#fit();
  }

  /** True where the newest stretches are all off the line that those before had given, to the same side. */
  #isStep(): boolean {
    if (this.#points.length <= STEP_STRETCHES || Number.isNaN(this.#level)) return false;
    const off = this.#points.slice(-STEP_STRETCHES).map(({ time, offset }) => offset - this.at(time));
    const far = Math.max(STEP_US, STEP_SPREADS * this.#spread);
    return off.every((us) => us > far) || off.every((us) => us < -far);
  }

  #fit(): void {
    const origin = this.#points[0]?.time ?? 0;
    this.#slope = this.#points.length < DRIFT_STRETCHES_MIN ? 0 : medianSlope(this.#points);
    const rests = this.#points.map(({ time, offset }) => offset - this.#slope * (time - origin));
    this.#level = median(rests);
    this.#spread = median(rests.map((rest) => Math.abs(rest - this.#level)));
  }
}

function medianSlope(points: readonly Point[]): number {
  const slopes = points.flatMap((a, index) =>
    points.slice(index + 1).map((b) => (b.offset - a.offset) / (b.time - a.time)),
  );
  return median(slopes);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
