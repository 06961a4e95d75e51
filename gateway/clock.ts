import { hrtime } from 'node:process';

/** Where a reading of UTC comes from, from worst to best. */
export const CLOCK_SOURCES = ['none', 'manual', 'rtc', 'ntp', 'gnss', 'ptp'] as const;
export type ClockSource = (typeof CLOCK_SOURCES)[number];

/** One comparison of a better clock with box time. */
export interface ClockReading {
  /** Box time of the comparison, microseconds. */
  readonly time: number;
  /** UTC minus box time at that moment, microseconds. */
  readonly offset: number;
  /** Bound of the error of `offset`, microseconds; infinite: nothing is known, and what the source told before was wrong. */
  readonly error: number;
  readonly source: ClockSource;
}

/**
 * The only clock a collector sees. Box time: microseconds, an integer in a float64, monotonic in a boot. It starts at
 * the best known wall clock and then follows the monotonic clock; it never steps.
 */
export interface Clock {
  /** Box time now, microseconds. */
  now(): number;
  /** Says what a better clock shows; the owner of the UTC map decides whether that adds a row. */
  observe(reading: ClockReading): void;
}

/** What another thread of the process needs to have the same box time. */
export interface ClockOrigin {
  /** Box time at the origin, microseconds. */
  readonly time: number;
  /** Monotonic clock at the origin, microseconds. */
  readonly monotonic: number;
}

/** Monotonic clock of the machine, microseconds; the same in every thread and process. */
export function monotonicUs(): number {
  const [seconds, nanos] = hrtime();
  return seconds * 1e6 + nanos / 1e3;
}

/** The wall clock of the system: UTC in microseconds, in whole milliseconds. */
export function wallClockUs(): number {
  return Date.now() * 1e3;
}

/** How far apart two readings of one comparison should be at most, microseconds, and how often it is tried. */
const COMPARED_WITHIN_US = 50;
const COMPARISONS_MAX = 100;

/**
 * What `one` shows less what `other` shows at the same moment. A thread may be held up for many milliseconds between reading one clock
 * and the other, so the closest of several comparisons counts.
 */
export function differenceUs(one: () => number, other: () => number): number {
  let closest = Number.POSITIVE_INFINITY;
  let difference = 0;
  for (let tries = 0; tries < COMPARISONS_MAX && closest > COMPARED_WITHIN_US; tries += 1) {
    const before = other();
    const read = one();
    const within = other() - before;
    if (within >= closest) continue;
    closest = within;
    difference = read - before - within / 2;
  }
  return difference;
}

/** Box time of this boot. */
export class BoxClock implements Pick<Clock, 'now'> {
  readonly origin: ClockOrigin;
  readonly #shift: number;

  /** @param origin where box time starts, from {@link BoxClock.startingAt} or another thread */
  constructor(origin: ClockOrigin) {
    this.origin = origin;
    this.#shift = origin.time - origin.monotonic + differenceUs(monotonicUs, () => performance.now() * 1e3);
  }

  /**
   * The origin of a boot that begins at `monotonic`: at `wallUs`, but never before `lastUs`, the last stored sample (all microseconds).
   */
  static startingAt(wallUs: number, lastUs: number, monotonic = monotonicUs()): ClockOrigin {
    return { time: Math.max(Math.round(wallUs), lastUs + 1), monotonic };
  }

  now(): number {
    return Math.round(performance.now() * 1e3 + this.#shift);
  }
}

/** True where `a` is closer to UTC than `b`: by its bound, else by its source. */
function isBetter(a: ClockReading, b: ClockReading): boolean {
  if (a.error !== b.error) return a.error < b.error;
  return CLOCK_SOURCES.indexOf(a.source) > CLOCK_SOURCES.indexOf(b.source);
}

/**
 * UTC never goes back. A step back of the same clock by more than this, microseconds, tells that what it had shown before was
 * wrong; by less, a leap second or drift, that both are right, and UTC is slewed from one to the other.
 */
const SLEWED_STEP_MAX_US = 2_000_000;

/** Box time over which a step back is slewed, by the step: UTC passes at nine tenths of its pace meanwhile. */
const SLEW_FACTOR = 10;

/** A stretch of box time with one reading. */
interface Stretch {
  readonly reading: ClockReading;
  /** Offset at the reading's time; greater than the reading's own where UTC is slewed down to that. */
  readonly startOffset: number;
}

/**
 * Box time to UTC within one boot, never going back. Each stretch is mapped by the row that governs it; what lies before the
 * first row of the best source, the one with the least bound of its error, is mapped by that row, so that samples taken before
 * a GPS lock land at the right UTC afterwards. Rows of others behind it are of when that source was lost. A row without a bound
 * disowns the rows of its source before it.
 */
export class UtcMap {
  readonly #stretches: readonly Stretch[];

  /** @param readings of one boot, in any order */
  constructor(readings: readonly ClockReading[]) {
    const owned = withoutDisowned([...readings].sort((a, b) => a.time - b.time));
    const best = owned.reduce<ClockReading | undefined>(
      (a, b) => (a === undefined || isBetter(b, a) ? b : a),
      undefined,
    );
    const first = owned.findIndex(({ source }) => source === best?.source);
    this.#stretches = stretchesOf(withoutWrong(owned.slice(Math.max(0, first))));
  }

  /** UTC minus box time at `time`, microseconds; 0 where nothing is known. */
  offsetAt(time: number): number {
    const stretch = this.#stretch(time);
    return stretch === undefined ? 0 : offsetIn(stretch, time);
  }

  /** The row that maps `time`; undefined where the boot has none. */
  governing(time: number): ClockReading | undefined {
    return this.#stretch(time)?.reading;
  }

  /** True where all times in [from, to] have the same offset. */
  isUniform(from: number, to: number): boolean {
    const stretch = this.#stretch(from);
    // Within a stretch offsets only fall.
    return (
      stretch === this.#stretch(to) && (stretch === undefined || offsetIn(stretch, from) === offsetIn(stretch, to))
    );
  }

  /**
   * The stretch [from, to) of box time whose moments are read as the UTC of [from, to), microseconds, either of which may be
   * infinite; undefined where no moment is. It is one stretch, because UTC never goes back.
   */
  boxStretch(from: number, to: number): { from: number; to: number } | undefined {
    const stretch = { from: this.#firstReadAs(from), to: this.#firstReadAs(to) };
    return stretch.from < stretch.to ? stretch : undefined;
  }

  /** Bounds of the offsets of times in [from, to]: what a range in UTC is widened by to be a range in box time. */
  span(from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): { least: number; greatest: number } {
    const first = this.offsetAt(from);
    let least = Math.min(first, this.governing(from)?.offset ?? first);
    let greatest = first;
    for (const { reading, startOffset } of this.#stretches) {
      if (reading.time < from || reading.time > to) continue;
      least = Math.min(least, reading.offset);
      greatest = Math.max(greatest, startOffset);
    }
    return { least, greatest };
  }

  /** The first moment of box time, in whole microseconds, that is read as `utc` or later. */
  #firstReadAs(utc: number): number {
    if (!Number.isFinite(utc)) return utc;
    const { least, greatest } = this.span();
    let low = Math.floor(utc - greatest);
    let high = Math.ceil(utc - least);
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (middle + this.offsetAt(middle) < utc) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #stretch(time: number): Stretch | undefined {
    let low = 0;
    let high = this.#stretches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const stretch = this.#stretches[middle];
      if (stretch !== undefined && stretch.reading.time <= time) low = middle + 1;
      else high = middle;
    }
    return this.#stretches[Math.max(0, low - 1)];
  }
}

/** `rows`, by time, but for those of a source that a later one of it disowns; where nothing else is known, they stay. */
function withoutDisowned(rows: readonly ClockReading[]): readonly ClockReading[] {
  const disowned = new Map<ClockSource, number>();
  for (const [index, { source, error }] of rows.entries()) {
    if (source !== 'none' && !Number.isFinite(error)) disowned.set(source, index);
  }
  const owned = rows.filter(({ source }, index) => index > (disowned.get(source) ?? -1));
  return owned.length === 0 ? rows : owned;
}

/** `rows`, by time, but for those that a later step back of the same clock by more than is slewed shows to be wrong. */
function withoutWrong(rows: readonly ClockReading[]): ClockReading[] {
  const kept: ClockReading[] = [];
  for (const row of rows) {
    for (let last = kept.at(-1); last !== undefined && isWrongBy(row, last); last = kept.at(-1)) kept.pop();
    kept.push(row);
  }
  return kept;
}

function isWrongBy(later: ClockReading, earlier: ClockReading): boolean {
  return earlier.source === later.source && earlier.offset - later.offset > SLEWED_STEP_MAX_US;
}

function stretchesOf(rows: readonly ClockReading[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const reading of rows) {
    const last = stretches.at(-1);
    const reached = last === undefined ? reading.offset : offsetIn(last, reading.time);
    stretches.push({ reading, startOffset: Math.max(reading.offset, reached) });
  }
  return stretches;
}

function offsetIn({ reading, startOffset }: Stretch, time: number): number {
  if (time <= reading.time) return startOffset;
  return Math.max(reading.offset, Math.round(startOffset - (time - reading.time) / SLEW_FACTOR));
}
