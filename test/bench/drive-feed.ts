import { setTimeout as wait } from 'node:timers/promises';
import type { Intake, Ticket } from '../../gateway/intake.ts';
import { BLOCK_SAMPLES_MAX } from '../../gateway/limits.ts';
import type { StoredChannel, Telemetry } from '../../gateway/query/telemetry.ts';
import type { RecordedDrive } from './recorded-drive.ts';

/** Samples of one batch: about what one read of a busy wire gives. */
const BATCH = 500;

/** How long the feed waits when the ring is full, milliseconds. */
const FULL_WAIT_MS = 1;

/** Time between the last sample of one lap and the first of the next, microseconds. */
const LAP_GAP_US = 10_000;

/** Puts a drive through an intake, lap after lap, the times of each behind those of the one before. */
export class DriveFeed {
  readonly #drive: RecordedDrive;
  readonly #intake: Intake;
  readonly #ids: Float64Array;
  readonly #lapUs: number;
  #at = 0;
  #lap = 0;
  /** Samples fed. */
  fed = 0;

  constructor(drive: RecordedDrive, intake: Intake) {
    this.#drive = drive;
    this.#intake = intake;
    this.#ids = Float64Array.from(drive.specs, (spec) => intake.channel(spec).id);
    this.#lapUs = spanOf(drive.times) + LAP_GAP_US;
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
    while (this.#lap < count) {
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

/** Throws unless a store holds exactly what {@link DriveFeed} fed: each sample of `laps` laps, bit by bit, and no other. */
export function requireSame(telemetry: Telemetry, drive: RecordedDrive, laps: number): void {
  const lapUs = spanOf(drive.times) + LAP_GAP_US;
  const rows = rowsByChannel(drive);
  for (const [index, spec] of drive.specs.entries()) {
    const channel = telemetry.channel(spec.name);
    const expected = rows[index] ?? [];
    requireChannel(telemetry, channel, drive, expected, laps, lapUs);
  }
}

function requireChannel(
  telemetry: Telemetry,
  channel: StoredChannel,
  { times, values }: RecordedDrive,
  rows: readonly number[],
  laps: number,
  lapUs: number,
): void {
  let met = 0;
  for (const piece of telemetry.raw(channel.id, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < piece.times.length; i += 1, met += 1) {
      const row = rows[met % rows.length] ?? -1;
      const time = (times[row] ?? Number.NaN) + Math.floor(met / rows.length) * lapUs;
      const value = piece.values[i];
      if (piece.times[i] !== time || !Object.is(value, values[row])) {
        throw new Error(
          `${channel.name}, sample ${met}: fed ${values[row]} at ${time}, read ${value} at ${piece.times[i]}`,
        );
      }
    }
  }
  if (met !== rows.length * laps) throw new Error(`${channel.name}: ${rows.length * laps} samples fed, ${met} read`);
}

/** Rows of each channel in the order a query gives them: by time, and where times are equal as they came. */
function rowsByChannel({ specs, channels, times }: RecordedDrive): number[][] {
  const rows: number[][] = specs.map(() => []);
  for (let i = 0; i < times.length; i += 1) rows[channels[i] as number]?.push(i);
  for (const each of rows) each.sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
  return rows;
}

function spanOf(times: Float64Array): number {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const time of times) {
    least = Math.min(least, time);
    greatest = Math.max(greatest, time);
  }
  return greatest - least;
}
