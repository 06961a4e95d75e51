/** How often it is looked at, milliseconds. */
const BEAT_MS = 5;

/** Lateness of a timer that means nothing, milliseconds. */
const TOLERANCE_MS = 2;

/**
 * For how long the event loop of this thread was busy with one thing. What arrives meanwhile seems to come late, and a pacer must not
 * take that for a queue in the line. One serves all lines of a thread.
 */
export class LoopLag {
  #blockedMs = 0;
  #beatAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #users = 0;

  /** Looks until as many have called {@link LoopLag.stop} as have called this. */
  start(): void {
    this.#users += 1;
    if (this.#timer !== undefined) return;
    this.#beatAt = performance.now();
    this.#timer = setInterval(() => {
      this.#blockedMs = this.blockedMs;
      this.#beatAt = performance.now();
    }, BEAT_MS);
  }

  stop(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** In all, milliseconds; what goes on now included. */
  get blockedMs(): number {
    return this.#blockedMs + Math.max(0, performance.now() - this.#beatAt - BEAT_MS - TOLERANCE_MS);
  }
}
