import { FRAME_ERROR, wireTimeUs } from '../../hardware/can/can-frame.ts';

/** How much a bus carries, counted over a stretch of time. */
export class BusMeter {
  #bitrate: number | undefined;
  #dataBitrate = 0;
  #frames = 0;
  #errorFrames = 0;
  #busyUs = 0;

  /** @param bitrate nominal, bit/s; undefined where nobody knows it, then there is no load */
  constructor(bitrate: number | undefined, dataBitrate = bitrate) {
    this.setBitrates(bitrate, dataBitrate);
  }

  /** Takes what is known of the bus's speed from here on, bit/s. */
  setBitrates(bitrate: number | undefined, dataBitrate = bitrate): void {
    this.#bitrate = bitrate;
    this.#dataBitrate = dataBitrate ?? 0;
  }

  /** Counts a frame by its FRAME_ bits and length in bytes. */
  count(flags: number, length: number): void {
    if ((flags & FRAME_ERROR) !== 0) {
      this.#errorFrames += 1;
      return;
    }
    this.#frames += 1;
    if (this.#bitrate !== undefined) this.#busyUs += wireTimeUs(flags, length, this.#bitrate, this.#dataBitrate);
  }

  /** What the last `us` microseconds were like; counting begins anew. */
  read(us: number): BusReading {
    const perSecond = 1e6 / us;
    const reading = {
      frameRate: this.#frames * perSecond,
      errorRate: this.#errorFrames * perSecond,
      load: this.#bitrate === undefined ? undefined : (100 * this.#busyUs) / us,
    };
    this.reset();
    return reading;
  }

  reset(): void {
    this.#frames = 0;
    this.#errorFrames = 0;
    this.#busyUs = 0;
  }
}

export interface BusReading {
  /** Frames a second. */
  readonly frameRate: number;
  /** Error frames a second. */
  readonly errorRate: number;
  /** Share of the time the bus was busy, percent, without stuff bits; undefined where the bit rate is not known. */
  readonly load: number | undefined;
}

/** Longest silence of a recording that still counts as a quiet bus, microseconds. Beyond it nobody was recording. */
export const SILENCE_MAX_US = 10_000_000;

export const SECOND_US = 1_000_000;

/** Cuts a recording's own time into whole seconds. */
export class RecordedSeconds {
  #next: number | undefined;

  /**
   * Sees the time of the next frame, UTC in microseconds; NaN, where a recording has none, is passed over.
   * @param atSecond called at the end of every second that has passed
   * @param restart called where the recording jumps: what was counted belongs to no whole second
   */
  advance(time: number, atSecond: (time: number) => void, restart: () => void): void {
    if (Number.isNaN(time)) return;
    if (this.#next === undefined || time - this.#next > SILENCE_MAX_US || this.#next - time > SILENCE_MAX_US) {
      if (this.#next !== undefined) restart();
      this.#next = (Math.floor(time / SECOND_US) + 1) * SECOND_US;
      return;
    }
    while (time >= this.#next) {
      atSecond(this.#next);
      this.#next += SECOND_US;
    }
  }
}
