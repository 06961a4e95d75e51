import { BoxClock, type ClockReading, monotonicUs } from '../../gateway/clock.ts';
import { ClockKeeper, firstReading, type SystemClock, UNKEPT_CLOCK } from '../../gateway/clock-keeper.ts';
import type { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { StoreRig } from '../gateway/store/store-rig.ts';

const SECOND_US = 1e6;

/** Samples between two commits: of the many thousands of some hours most are in blocks, the newest are not. */
const COMMIT_SAMPLES = 2000;

const CHANNEL = 1;
const DEVICE_CHANNEL = 2;

/** Box time that the rig moves. */
class SimulatedClock extends BoxClock {
  time: number;

  constructor(time: number) {
    super({ time, monotonic: monotonicUs() });
    this.time = time;
  }

  override now(): number {
    return this.time;
  }
}

/** A sample that the store holds, in UTC microseconds, with the UTC at which it was really taken. */
export interface SeenSample {
  readonly time: number;
  readonly truth: number;
}

/**
 * A store in simulated time: true UTC passes, the machine's clock shows something else, and samples are taken in whose
 * value tells which they are, so that the times the store gives them can be held against the truth.
 */
export class ClockRig {
  readonly #rig = new StoreRig(['a', 'b-device'], 1 << 13);
  /** UTC of every sample, by its number. */
  readonly #truths: number[] = [];
  /** True UTC, microseconds. */
  utc: number;
  /** What the machine's clock shows beyond true UTC, microseconds. */
  wallError = 0;
  /** What the keeper of UTC said of clocks that it does not believe. */
  readonly said: string[] = [];
  /** What keeps the machine's clock. */
  source: 'ntp' | 'rtc' = 'rtc';
  #clock = new SimulatedClock(0);
  #keeper: ClockKeeper | undefined;
  #nextLook = 0;

  /** @param utc true UTC when the rig is switched on, microseconds */
  constructor(utc: number) {
    this.utc = utc;
  }

  /** A boot begins, as in StoreHost: box time at what the machine's clock shows, never before the last sample. */
  boot({ lastTime, lastUtc }: { lastTime: number; lastUtc: number } = { lastTime: 0, lastUtc: 0 }): void {
    if (this.#keeper !== undefined) this.#rig.restartProcess();
    const wallUs = this.utc + this.wallError;
    const { time } = BoxClock.startingAt(wallUs, lastTime);
    this.#clock = new SimulatedClock(time);
    const first = firstReading(wallUs, time, lastUtc, this.#system);
    this.#rig.writer.keepClock(first);
    this.#keeper = new ClockKeeper(first, {
      row: (row) => this.#rig.writer.keepClock(row),
      said: (text) => this.said.push(text),
    });
    this.#nextLook = time;
  }

  get #system(): SystemClock {
    return this.source === 'ntp' ? { source: 'ntp', errorUs: 50_000 } : UNKEPT_CLOCK;
  }

  /** Box time, microseconds. */
  get boxTime(): number {
    return this.#clock.now();
  }

  /** The machine's clock as the keeper of UTC believes it. */
  get keeper(): ClockKeeper {
    if (this.#keeper === undefined) throw new Error('no boot has begun');
    return this.#keeper;
  }

  /** A receiver tells UTC, to its error. @param wrongUs what it shows beyond true UTC, microseconds */
  hear(reading: Pick<ClockReading, 'source' | 'error'>, wrongUs = 0, teller = 'gnss'): void {
    this.keeper.observe({ ...reading, time: this.#clock.time, offset: this.utc + wrongUs - this.#clock.time }, teller);
  }

  /** Time passes, and `rateHz` samples a second are taken in; the machine's clock is looked at every second. */
  run(seconds: number, rateHz: number, onSecond: (second: number) => void = () => {}): void {
    const intervalUs = SECOND_US / rateHz;
    const count = Math.round(seconds * rateHz);
    for (let i = 0; i < count; i += 1) {
      if (i % rateHz === 0) onSecond(i / rateHz);
      if (this.#clock.time >= this.#nextLook) {
        this.keeper.observeSystem(this.#clock, () => this.utc + this.wallError, this.#system);
        this.#nextLook += SECOND_US;
      }
      this.#rig.ring.writeSample(CHANNEL, this.#clock.time, this.#truths.length);
      this.#rig.ring.writeSample(DEVICE_CHANNEL, this.utc, this.#truths.length);
      this.#truths.push(this.utc);
      this.utc += intervalUs;
      this.#clock.time += intervalUs;
      if (this.#truths.length % COMMIT_SAMPLES === 0) this.commit();
    }
    this.commit();
  }

  commit(): void {
    this.#rig.commit();
    while (this.#rig.writer.hasSealBatch()) this.#rig.writer.seal();
  }

  sealAll(): void {
    this.#rig.sealAll();
  }

  telemetry(): StoreTelemetry {
    return this.#rig.telemetry();
  }

  /** Every sample in the order in which the store gives them. */
  seen(channel = CHANNEL): { readonly samples: readonly SeenSample[]; readonly order: readonly number[] } {
    const telemetry = this.#rig.telemetry();
    const samples: SeenSample[] = [];
    const order: number[] = [];
    for (const { times, values } of telemetry.raw(channel, 0, Number.MAX_SAFE_INTEGER)) {
      for (const [i, time] of times.entries()) {
        const number = Number(values[i]);
        order.push(number);
        samples.push({ time, truth: this.#truths[number] ?? Number.NaN });
      }
    }
    telemetry.close();
    return { samples, order };
  }

  dispose(): void {
    this.#rig.dispose();
  }
}
