/** Microseconds by which the offset may drift a second: lets a wrong estimate heal when the path gets slower. */
const DRIFT_US = 500;

/** Seconds the right edge of the charts stays behind the gateway's clock, least and most. */
const LAG_LEAST = 0.1;
const LAG_MOST = 0.6;

/**
 * The gateway's UTC on the viewer's side, and how far behind it the newest samples are. Frames carry the gateway's time;
 * the one that travelled fastest tells the offset best.
 */
export class GatewayClock {
  #offset = Number.NEGATIVE_INFINITY;
  #at = 0;
  #lag = LAG_LEAST;

  get isSet(): boolean {
    return Number.isFinite(this.#offset);
  }

  /** A frame that was made at `utc` (microseconds) arrived at `localMs` (monotonic, milliseconds). */
  observe(utc: number, localMs: number): void {
    const offset = utc - localMs * 1000;
    const drifted = this.#offset - Math.max(0, (localMs - this.#at) / 1000) * DRIFT_US;
    this.#offset = Math.max(drifted, offset);
    this.#at = localMs;
  }

  /** The newest sample was at `newest` when the gateway's clock showed `utc`, microseconds. */
  observeNewest(newest: number, utc: number): void {
    const lag = (utc - newest) / 1e6 + 0.05;
    if (!(lag >= 0 && lag < 2)) return;
    const target = Math.min(LAG_MOST, Math.max(LAG_LEAST, lag));
    this.#lag += (target - this.#lag) * (target > this.#lag ? 0.2 : 0.005);
  }

  /** The gateway's UTC now, microseconds. */
  now(localMs: number): number {
    return this.#offset + localMs * 1000;
  }

  /** Time at the right edge of the charts, seconds: late enough that there are samples up to it. */
  edge(localMs: number): number {
    return this.now(localMs) / 1e6 - this.#lag;
  }

  /** Forgets the offset: the next frame comes from another clock or another path. */
  reset(): void {
    this.#offset = Number.NEGATIVE_INFINITY;
  }
}
