import type { ChannelSpec } from '../../gateway/channel.ts';
import type { KeepRule } from './shaping-config.ts';

/** Why a sample is left out; the place in the list is what a rule's way is told apart by. */
export const LEFT_OUT_REASONS = ['every', 'rate', 'unchanged', 'between-extremes', 'over-limit'] as const;
export type LeftOutReason = (typeof LEFT_OUT_REASONS)[number];

const EVERY = 0;
const RATE = 1;
const UNCHANGED = 2;
const EXTREMES = 3;
export const OVER_LIMIT = 4;

/** Samples that one call may release at most: two extremes that were held, and one that cannot be compared. */
export const RELEASED_MAX = 3;

/** Samples of one channel that are to be kept, in their order. */
export class KeptRun {
  readonly times: Float64Array;
  readonly values: Float64Array;
  count = 0;

  /** @param room samples it can hold */
  constructor(room: number) {
    this.times = new Float64Array(room);
    this.values = new Float64Array(room);
  }

  add(time: number, value: number): void {
    this.times[this.count] = time;
    this.values[this.count] = value;
    this.count += 1;
  }
}

/**
 * Decides which samples of one channel are kept, by the samples alone: there is no clock and no timer here. One class with
 * a word for the way, not one a way, so that the call a sample stays monomorphic.
 */
export class ChannelThinning {
  /** Index into {@link LEFT_OUT_REASONS}. */
  readonly reason: number;
  /** Between two samples, until one is kept all the same, or of a stretch; microseconds. */
  readonly spanUs: number;
  /** Samples that wait for the end of their stretch: 0, 1 or 2. */
  held = 0;
  readonly #every: number;
  readonly #deadband: number;
  /** Of the next sample among those of which the first is kept. */
  #place = 0;
  /** From when on a sample is kept, microseconds. */
  #due = Number.NaN;
  #lastTime = Number.NaN;
  #lastValue = Number.NaN;
  #lastText: string | undefined;
  #stretch = Number.NaN;
  #leastTime = 0;
  #least = 0;
  #greatestTime = 0;
  #greatest = 0;

  constructor(rule: KeepRule) {
    const { every, rateHzMax, deadband, heartbeatS = Number.POSITIVE_INFINITY, minMaxMs = 1 } = rule;
    this.#every = every ?? 1;
    this.#deadband = deadband ?? 0;
    if (every !== undefined) this.reason = EVERY;
    else if (rateHzMax !== undefined) this.reason = RATE;
    else this.reason = deadband === undefined ? EXTREMES : UNCHANGED;
    if (rateHzMax !== undefined) this.spanUs = 1e6 / rateHzMax;
    else this.spanUs = deadband === undefined ? minMaxMs * 1e3 : heartbeatS * 1e6;
  }

  /**
   * Takes a sample; what is to be kept now goes into `kept`, {@link RELEASED_MAX} at most.
   * @param time whole microseconds
   */
  offer(time: number, value: number, kept: KeptRun): void {
    if (this.reason === EXTREMES) this.#compare(time, value, kept);
    else if (this.#isKept(time, value)) kept.add(time, value);
  }

  /** True where a text is kept. Texts have no extremes: a rule for those keeps them all. */
  offerText(time: number, text: string): boolean {
    if (this.reason === EXTREMES) return true;
    if (this.reason !== UNCHANGED) return this.#isKept(time, 0);
    if (text === this.#lastText && !this.#isFar(time)) return false;
    this.#lastText = text;
    this.#lastTime = time;
    return true;
  }

  /** Ends the stretch: what was held goes into `kept`, in the order of its times. */
  release(kept: KeptRun): void {
    const leastComesFirst = this.#leastTime <= this.#greatestTime;
    if (this.held === 2 && leastComesFirst) kept.add(this.#leastTime, this.#least);
    if (this.held > 0) kept.add(this.#greatestTime, this.#greatest);
    if (this.held === 2 && !leastComesFirst) kept.add(this.#leastTime, this.#least);
    this.held = 0;
    this.#stretch = Number.NaN;
  }

  #isKept(time: number, value: number): boolean {
    if (this.reason === EVERY) {
      const isFirst = this.#place === 0;
      this.#place = (this.#place + 1) % this.#every;
      return isFirst;
    }
    if (this.reason === RATE) return this.#isDue(time);
    const isSame = Math.abs(value - this.#lastValue) <= this.#deadband || Object.is(value, this.#lastValue);
    if (isSame && !this.#isFar(time)) return false;
    this.#lastTime = time;
    this.#lastValue = value;
    return true;
  }

  /**
   * Samples are due on a grid, not a span after the last one kept: else a source of 100 Hz that jitters would come to 33 Hz where
   * 50 are allowed. The grid begins anew behind a hole, and where a device's clock is set back.
   */
  #isDue(time: number): boolean {
    if (time < this.#due && time > this.#due - 2 * this.spanUs) return false;
    const isNext = time - this.#due < this.spanUs && time >= this.#due;
    this.#due = (isNext ? this.#due : time) + this.spanUs;
    return true;
  }

  /** Far from the last one kept, before or behind it: a device's clock may be set back. */
  #isFar(time: number): boolean {
    return !(Math.abs(time - this.#lastTime) < this.spanUs);
  }

  #compare(time: number, value: number, kept: KeptRun): void {
    if (Number.isNaN(value)) {
      this.release(kept);
      kept.add(time, value);
      return;
    }
    const stretch = Math.floor(time / this.spanUs);
    if (stretch !== this.#stretch || this.held === 0) {
      this.release(kept);
      this.#stretch = stretch;
      this.#leastTime = time;
      this.#greatestTime = time;
      this.#least = value;
      this.#greatest = value;
      this.held = 1;
    } else if (value > this.#greatest) {
      this.#greatest = value;
      this.#greatestTime = time;
      this.held = 2;
    } else if (value < this.#least) {
      this.#least = value;
      this.#leastTime = time;
      this.held = 2;
    }
  }
}

/** What a channel's definition says of its rate, when a rule is for it: staleness and gaps are judged by that. */
export function thinnedRate({ rateHz }: ChannelSpec, rule: KeepRule): number | undefined {
  const { every, rateHzMax, deadband, heartbeatS, minMaxMs } = rule;
  if (deadband !== undefined) return heartbeatS === undefined ? undefined : 1 / heartbeatS;
  if (rateHz === undefined) return undefined;
  if (every !== undefined) return rateHz / every;
  return Math.min(rateHz, rateHzMax ?? 2e3 / (minMaxMs ?? 1));
}
