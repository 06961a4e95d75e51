import type { ClockReading } from './clock.ts';

/** How fast a clock that nobody keeps goes wrong at most: crystals of boxes stay within 100 ppm from -40 to 85 degC. */
export const DRIFT_PPM = 100;

/** A clock before this, UTC in microseconds, was never set: the start of 2020, when none of this had been written. */
export const SET_AFTER_US = Date.UTC(2020, 0) * 1e3;

/** Further than this beyond what their bounds allow, two clocks contradict each other, microseconds: a leap second is told late or smeared. */
export const CONTRADICTION_US = 2_000_000;

/** How long a clock that jumped must go on steadily before it is believed again, least and most, microseconds. */
export const STEADY_MIN_US = 600e6;
const STEADY_MAX_US = 86_400e6;

/** What a clock would show now, and within what bound, by its reading of a while ago. */
export function boundAt({ time, error }: Pick<ClockReading, 'time' | 'error'>, now: number): number {
  return error + (Math.abs(now - time) * DRIFT_PPM) / 1e6;
}

/** True where two clocks show times that cannot both be right. */
export function contradict(a: ClockReading, b: ClockReading): boolean {
  const now = Math.max(a.time, b.time);
  return Math.abs(a.offset - b.offset) > boundAt(a, now) + boundAt(b, now) + CONTRADICTION_US;
}

/** True where a reading shows a time at which no clock was set rightly: receivers begin so, and go back to it after 1024 weeks. */
export function isNeverSet({ time, offset }: ClockReading): boolean {
  return time + offset < SET_AFTER_US;
}

/** Somebody who tells UTC, and whether it goes on as time does. Reads no clock. */
export class ClockTeller {
  readonly name: string;
  /** What it told last. */
  last: ClockReading;
  /** Jumps since the start, and how far the last one went, microseconds. */
  jumps = 0;
  jumpUs = 0;
  /** Why it is not believed; undefined where it is. */
  doubt: string | undefined;
  #steadySince: number;
  /** How long it must go on steadily until it is believed, microseconds. */
  #needed = 0;

  constructor(name: string, first: ClockReading) {
    this.name = name;
    this.last = first;
    this.#steadySince = first.time;
  }

  /**
   * Takes what it tells now. What jumps is believed again when its new story has lasted longer than the one before: a recording that is
   * played again and again never is, a receiver that has found its mistake is.
   */
  take(reading: ClockReading): void {
    const { last } = this;
    this.last = reading;
    // What has found its date did not jump.
    if (isNeverSet(last)) this.#steadySince = reading.time;
    else if (contradict(last, reading)) {
      const lasted = Math.max(STEADY_MIN_US, last.time - this.#steadySince);
      this.#needed = Math.min(STEADY_MAX_US, Math.max(this.#needed, lasted));
      this.#steadySince = reading.time;
      this.jumps += 1;
      this.jumpUs = reading.offset - last.offset;
    }
  }

  /** How long it goes on steadily, microseconds. */
  get steadyUs(): number {
    return this.last.time - this.#steadySince;
  }

  /** How long it still must until it is believed, microseconds; 0 where it is. */
  get leftUs(): number {
    return Math.max(0, this.#needed - this.steadyUs);
  }
}
