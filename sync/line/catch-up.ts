/** Stretch over which rates are taken, and the least that says anything, milliseconds: word of what was kept comes every 5 s. */
const SPAN_MS = 60_000;
const SPAN_MS_MIN = 10_000;

/** Points kept of the stretch. */
const POINTS_MAX = 64;

/** Who lacks no more than comes in within is up to date, milliseconds: what is sealed now is on its way. */
const UP_TO_DATE_MS = 15_000;

interface Point {
  readonly atMs: number;
  readonly position: number;
  readonly end: number;
}

/** How a destination catches up with a feed that grows, in positions. */
export interface CatchingUp {
  readonly positions: number;
  /** That it took a second lately; missing where that is not known yet. */
  readonly positionsPerS?: number;
  /** Whole seconds until it has all; 0 where it is up to date; missing where that is never at this rate, or not known yet. */
  readonly caughtUpS?: number;
}

/** How far a destination is behind, and when it has caught up, from how both moved lately. */
export class CatchUp {
  #points: Point[] = [];

  /** @param atMs of a clock that never steps, milliseconds @param position what it has of the feed @param end of the feed */
  note(atMs: number, position: number, end: number): void {
    const last = this.#points.at(-1);
    // A store that was set back counts from elsewhere, and so does a central that was.
    if (last !== undefined && (position < last.position || end < last.end)) this.#points = [];
    else if (last !== undefined && atMs - last.atMs < SPAN_MS / POINTS_MAX) return;
    this.#points = this.#points.filter((point) => atMs - point.atMs <= SPAN_MS);
    this.#points.push({ atMs, position, end });
  }

  /** Undefined before anything was noted. */
  get now(): CatchingUp | undefined {
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const positions = Math.max(0, last.end - last.position);
    const spanMs = last.atMs - first.atMs;
    if (spanMs < SPAN_MS_MIN) return { positions, ...(positions === 0 && { caughtUpS: 0 }) };
    const growing = (last.end - first.end) / spanMs;
    const taking = (last.position - first.position) / spanMs;
    const known = { positions, positionsPerS: taking * 1e3 };
    if (positions <= growing * UP_TO_DATE_MS) return { ...known, caughtUpS: 0 };
    const closing = taking - growing;
    return closing > 0 ? { ...known, caughtUpS: Math.max(1, Math.round(positions / closing / 1e3)) } : known;
  }
}
