const HOUR_MS = 3_600_000;

/** The rate is that of so long, looked at in pieces. */
const WINDOW_MS = HOUR_MS;
const PIECE_MS = 60_000;

/** Less than this says nothing of an hour: blocks are sealed in passes. */
const SPAN_MIN_MS = 120_000;

/** How fast a store grows, from its size and what was given up of it. */
export class Inflow {
  #released = 0;
  /** Oldest first; `bytes` is all that ever came in. */
  readonly #points: { readonly atMs: number; readonly bytes: number }[] = [];

  /** So many bytes were given up: what is missing is no lack of inflow. */
  release(bytes: number): void {
    this.#released += Math.max(0, bytes);
  }

  /** @param usedBytes size of the store now */
  observe(now: number, usedBytes: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && now - last.atMs < PIECE_MS) return;
    this.#points.push({ atMs: now, bytes: usedBytes + this.#released });
    while (this.#points.length > 2 && now - (this.#points[1]?.atMs ?? now) >= WINDOW_MS) this.#points.shift();
  }

  /** How long `bytes` of room last at the present rate, hours; infinite where nothing comes in, NaN where that is not known. */
  hoursFor(bytes: number): number {
    if (bytes === 0) return 0;
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    if (first === undefined || last === undefined || last.atMs - first.atMs < SPAN_MIN_MS) return Number.NaN;
    const perHour = ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * HOUR_MS;
    return perHour > 0 ? bytes / perHour : Number.POSITIVE_INFINITY;
  }
}
