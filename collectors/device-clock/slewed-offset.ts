/** How fast an offset that is in use follows the one that is known: times of samples must go on rising. */
const SLEW = 0.001;

/** Farther than this it is followed at once, microseconds: the device's clock was set. */
const STEP_US = 1e6;

/** The offset that times are corrected by. It follows what is known of the clock without a step, unless that clock had one. */
export class SlewedOffset {
  #offset = Number.NaN;
  #at = Number.NaN;

  /** @param time UTC, microseconds; @param known offset at that time, microseconds, or NaN; returns whole microseconds */
  follow(time: number, known: number): number {
    if (Number.isNaN(known)) return 0;
    const off = known - this.#offset;
    if (!(Math.abs(off) <= STEP_US)) {
      this.#offset = known;
    } else {
      const most = Math.max(0, time - this.#at) * SLEW;
      this.#offset += Math.min(most, Math.max(-most, off));
    }
    this.#at = time;
    return Math.round(this.#offset);
  }
}
