import type { Timers } from './serial/timers.ts';

/** Least time between two deliveries of a paced recording, milliseconds; what is due within it comes together. */
const PACE_INTERVAL_MS = 5;

/**
 * Longest pause of a recording that is waited out, milliseconds, and longest lag that is caught up. What is beyond, a
 * clock that was set or a night without frames, is jumped over.
 */
const PAUSE_MAX_MS = 10_000;

/** A moment in the recording, microseconds, and when it is played, monotonic milliseconds. */
interface Origin {
  readonly time: number;
  readonly ms: number;
}

/** Maps the time of a recording to the time that passes, so that it is played as it was made, or faster. */
export class Pace {
  readonly #speed: number;
  readonly #timers: Timers;
  #origin: Origin | undefined;
  #wake: (() => void) | undefined;
  #stopped = false;

  /** @param speed seconds of the recording in one second; Infinity for as fast as it is taken */
  constructor(speed: number, timers: Timers) {
    this.#speed = speed;
    this.#timers = timers;
  }

  /** Resolves once what has `time` is due, or when stopped; to the time up to which everything is due then, microseconds. */
  async due(time: number): Promise<number> {
    if (this.#speed === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    let origin = this.#originFor(time);
    while (this.#now(origin) < time && !this.#stopped) {
      const waitMs = (time - this.#now(origin)) / this.#speed / 1e3;
      await this.#sleep(Math.max(PACE_INTERVAL_MS, waitMs));
      origin = this.#originFor(time);
    }
    return this.#now(origin);
  }

  /** Ends a wait at once, for good. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  #originFor(time: number): Origin {
    const ms = this.#timers.now();
    const early = this.#origin === undefined ? 0 : (time - this.#now(this.#origin)) / this.#speed / 1e3;
    if (early > PAUSE_MAX_MS) this.#origin = { time: time - PAUSE_MAX_MS * 1e3 * this.#speed, ms };
    else if (early < -PAUSE_MAX_MS || this.#origin === undefined) this.#origin = { time, ms };
    return this.#origin;
  }

  #now(origin: Origin): number {
    return origin.time + (this.#timers.now() - origin.ms) * 1e3 * this.#speed;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#timers.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
