import type { ClockReading } from '../../../gateway/clock.ts';
import { READ_INTERVAL_MS } from '../../../hardware/serial/serial-port.ts';
import { GnssClock } from '../../gnss-clock.ts';
import type { CanboatMessage } from './canboat.ts';

/** Groups that tell UTC: System Time, and Time & Date, which navigators send. */
const SYSTEM_TIME = 126_992;
const TIME_DATE = 129_033;

/** Sources of System Time that are satellites: GPS and GLONASS. Others are clocks of the boat's own. */
const SATELLITE_SOURCES: ReadonlySet<unknown> = new Set([0, 1]);

/** How long the teller in use may be silent before another takes over, microseconds. */
const TELLER_SILENT_US = 10_000_000;

/** The one speed of NMEA 2000, bit/s, and the bytes of ten bits that a frame of eight takes at least. */
const BITRATE = 250_000;
const FRAME_BYTES = 13;

const DAY_US = 86_400_000_000;
/** Times of day are counted in these, microseconds. */
const TICK_US = 100;

/**
 * Compares UTC as a bus of NMEA 2000 has it from satellites with box time. Several devices tell it, each with a delay of its
 * own: one is listened to until it is silent, and System Time, which names its source, goes before Time & Date.
 */
export class BusClock {
  #clock = new GnssClock(BITRATE, READ_INTERVAL_MS);
  /** Group and sender of the teller in use. */
  #pgn = 0;
  #sender = -1;
  #heardAt = Number.NEGATIVE_INFINITY;

  /**
   * @param arrival box time at which the message came, microseconds
   * @returns a reading when one is due
   */
  take(message: CanboatMessage, sender: number, arrival: number): ClockReading | undefined {
    const utc = utcOf(message);
    if (utc === undefined || !this.#listensTo(message.definition.PGN, sender, arrival)) return undefined;
    this.#heardAt = arrival;
    return this.#clock.take(utc, arrival, FRAME_BYTES);
  }

  #listensTo(pgn: number, sender: number, now: number): boolean {
    if (pgn === this.#pgn && sender === this.#sender) return true;
    const goesBefore = pgn === SYSTEM_TIME && this.#pgn !== SYSTEM_TIME;
    if (!goesBefore && now - this.#heardAt < TELLER_SILENT_US) return false;
    this.#pgn = pgn;
    this.#sender = sender;
    this.#clock = new GnssClock(BITRATE, READ_INTERVAL_MS);
    return true;
  }
}

/** UTC of satellites that a message tells, microseconds. */
function utcOf({ definition, values, raws }: CanboatMessage): number | undefined {
  const { PGN: pgn } = definition;
  if (pgn !== SYSTEM_TIME && pgn !== TIME_DATE) return undefined;
  if (pgn === SYSTEM_TIME && !SATELLITE_SOURCES.has(values.source)) return undefined;
  const day = raws.date?.value;
  const ticks = raws.time?.value;
  return isThere(values.date, day) && isThere(values.time, ticks) ? day * DAY_US + ticks * TICK_US : undefined;
}

/** @param value null where the field says that it is not available */
function isThere(value: unknown, raw: unknown): raw is number {
  return value !== null && value !== undefined && typeof raw === 'number' && Number.isSafeInteger(raw);
}
