import { type FrameBatch, wireTimeUs } from '../../hardware/can/can-frame.ts';

/**
 * When frames that were handed over together came, box time in whole microseconds, never going back. Frames that were
 * read at once were not on the wire at once: each ended, at the latest, when the next began, and recorded ones keep the
 * distances they were recorded with.
 */
export class ArrivalStamps {
  readonly #bitrate: number | undefined;
  readonly #dataBitrate: number;
  #stamps = new Float64Array(0);
  #last = Number.NEGATIVE_INFINITY;

  /** @param bitrate of the bus, bit/s; undefined: frames of one read get the same stamp */
  constructor(bitrate: number | undefined, dataBitrate = bitrate) {
    this.#bitrate = bitrate;
    this.#dataBitrate = dataBitrate ?? 0;
  }

  /**
   * Stamps the frames `from` to `to - 1`.
   * @param now box time at which the last of them came, microseconds
   * @param speed recorded seconds in one second
   */
  stamp(frames: FrameBatch, from: number, to: number, now: number, speed: number): void {
    if (this.#stamps.length < frames.capacity) this.#stamps = new Float64Array(frames.capacity);
    const lastRecorded = frames.times[to - 1] as number;
    let end = now;
    for (let i = to - 1; i >= from; i--) {
      const recorded = frames.times[i] as number;
      this.#stamps[i] = Number.isNaN(recorded) ? end : Math.min(now, now - (lastRecorded - recorded) / speed);
      end -= this.#wireTime(frames, i);
    }
    for (let i = from; i < to; i++) {
      this.#last = Math.max(this.#last, Math.round(this.#stamps[i] as number));
      this.#stamps[i] = this.#last;
    }
  }

  /** Stamp of frame `i`, microseconds. */
  of(i: number): number {
    return this.#stamps[i] as number;
  }

  #wireTime(frames: FrameBatch, i: number): number {
    if (this.#bitrate === undefined) return 0;
    return wireTimeUs(frames.flags[i] as number, frames.lengths[i] as number, this.#bitrate, this.#dataBitrate);
  }
}
