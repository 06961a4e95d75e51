import { setTimeout as wait } from 'node:timers/promises';
import type { Intake, Ticket } from '../../gateway/intake.ts';
import { BLOCK_SAMPLES_MAX } from '../../gateway/limits.ts';
import { type Drive, lapUsOf } from './drive.ts';

/** Samples of one batch: about what one read of a busy wire gives. */
const BATCH = 500;

/** How long the feed waits when the ring is full, milliseconds. */
const FULL_WAIT_MS = 1;

/** Puts a drive through an intake, lap after lap, the times of each behind those of the one before. */
export class DriveFeed {
  readonly #drive: Drive;
  readonly #intake: Intake;
  readonly #ids: Float64Array;
  readonly #lapUs: number;
  #at = 0;
  #lap: number;
  /** Samples fed. */
  fed = 0;

  /** @param lap the first that it feeds; those before it are in the store */
  constructor(drive: Drive, intake: Intake, lap = 0) {
    this.#drive = drive;
    this.#intake = intake;
    this.#ids = Float64Array.from(drive.specs, (spec) => intake.channel(spec).id);
    this.#lapUs = lapUsOf(drive);
    this.#lap = lap;
  }

  /** Feeds and publishes the next `count` samples, at most the rest of the lap, which must fit. */
  push(count: number): Ticket {
    const { channels, times, values } = this.#drive;
    const shift = this.#lap * this.#lapUs;
    const end = Math.min(this.#at + count, times.length);
    for (let i = this.#at; i < end; i += 1) {
      const id = this.#ids[channels[i] as number] as number;
      if (!this.#intake.push(id, (times[i] as number) + shift, values[i] as number)) {
        throw new Error('a sample was refused though there was room');
      }
    }
    this.fed += end - this.#at;
    this.#at = end;
    if (end === times.length) {
      this.#at = 0;
      this.#lap += 1;
    }
    return this.#intake.publish();
  }

  /** Feeds so many laps as fast as the store takes them; resolves when all are durable. */
  async laps(count: number): Promise<void> {
    let ticket: Ticket = 0;
    for (const end = this.#lap + count; this.#lap < end; ) {
      if (this.#intake.hasRoom(BATCH)) ticket = this.push(BATCH);
      else await wait(FULL_WAIT_MS);
    }
    await this.#intake.durable(ticket);
  }

  /** Blocks that what was fed in whole laps fills to the last sample. */
  fullBlocks(): number {
    const counts = new Float64Array(this.#drive.specs.length);
    for (const channel of this.#drive.channels) counts[channel] = (counts[channel] as number) + 1;
    return counts.reduce((blocks, count) => blocks + Math.floor((count * this.#lap) / BLOCK_SAMPLES_MAX), 0);
  }

  /** Feeds for `seconds` at `rate` samples a second, a batch each `intervalMs`; returns how long each took to be durable, milliseconds. */
  async paced(rate: number, seconds: number, intervalMs: number): Promise<number[]> {
    const latencies: number[] = [];
    const pending = new Set<Promise<void>>();
    const started = performance.now();
    for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - started) / 1e3) {
      let owed = Math.floor(elapsed * rate) - this.fed;
      const published = performance.now();
      let ticket: Ticket | undefined;
      while (owed > 0) {
        const before = this.fed;
        ticket = this.push(owed);
        owed -= this.fed - before;
      }
      if (ticket !== undefined) {
        const done = this.#intake.durable(ticket).then(() => {
          latencies.push(performance.now() - published);
          pending.delete(done);
        });
        pending.add(done);
      }
      await wait(intervalMs);
    }
    await Promise.all(pending);
    return latencies;
  }
}
