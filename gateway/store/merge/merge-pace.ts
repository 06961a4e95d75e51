/** Steps take at most this share of the time, so that they wear out neither a battery nor a commit's patience. */
const STEPS_SHARE = 0.1;

/** Least time from one step to the next, milliseconds. */
const STEP_INTERVAL_MS = 10;

/** Time after a start without merging: until then the processor is for what takes in. */
const SETTLE_MS = 5000;

/** When the next step of merging is due. */
export class MergePace {
  #nextStep = performance.now() + SETTLE_MS;

  /** Milliseconds until the next step is due. */
  dueMs(now: number): number {
    return Math.max(0, this.#nextStep - now);
  }

  /**
   * A step has ended.
   * @param began performance.now() when it did
   * @param restMs least time to the next one
   */
  stepped(began: number, restMs = STEP_INTERVAL_MS): void {
    const now = performance.now();
    this.#nextStep = now + Math.max(restMs, (now - began) * (1 / STEPS_SHARE - 1));
  }
}
