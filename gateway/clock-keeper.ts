import { type BoxClock, type ClockReading, type ClockSource, differenceUs } from './clock.ts';
import { boundAt, ClockTeller, contradict, isNeverSet, SET_AFTER_US, STEADY_MIN_US } from './clock-teller.ts';
import { spanText } from './span-text.ts';
import { utcText } from './utc-text.ts';

/** What the system's clock is kept by, and the bound of its error, microseconds. */
export interface SystemClock {
  readonly source: 'ntp' | 'rtc';
  readonly errorUs: number;
}

/** A clock that no time daemon says to be in step. */
export const UNKEPT_CLOCK: SystemClock = { source: 'rtc', errorUs: 2_000_000 };

/** A change of the offset below this is drift that the next row takes along; 10 ms. */
const STEP_US = 10_000;

/** A reading of the same clock whose bound is this much closer is a better clock: a first fix of seconds, then one of microseconds. */
const BETTER_FACTOR = 0.5;

/** A bound that has grown by as much, and is no longer a good one, is told by a row of its own. */
const GROWN_FACTOR = 2;

/** Sources that are set by somebody who knows. */
const KEPT_SOURCES: readonly ClockSource[] = ['ntp', 'gnss', 'ptp'];

/** A clock of the board that nobody keeps is hardly ahead by more than this, microseconds: it is set by hand, maybe to local time. */
const UNKEPT_AHEAD_MAX_US = 86_400e6;

/** Who was not heard for so long has no say when others are counted, microseconds. */
const HEARD_WITHIN_US = 60e6;

/** Tellers that are known at a time. At the maximum: further ones are not heard. */
const TELLERS_MAX = 256;

/** What the system's clock is called among those who tell UTC. */
const SYSTEM = "the system's clock";

/** What a boot knows of UTC when it begins. A wall clock that was never set, or is behind the last stored sample, is not believed. */
export function firstReading(wallUs: number, boxUs: number, lastUs: number, system: SystemClock): ClockReading {
  if (wallUs <= lastUs || wallUs < SET_AFTER_US)
    return { time: boxUs, offset: 0, error: Number.POSITIVE_INFINITY, source: 'none' };
  return { time: boxUs, offset: Math.round(wallUs) - boxUs, error: system.errorUs, source: system.source };
}

/** Somebody who tells UTC and is not believed. */
export interface DoubtedClock {
  /** Name of the source. */
  readonly teller: string;
  readonly source: ClockSource;
  /** What it shows less UTC as the box has it, microseconds; missing where the box has none. */
  readonly aheadUs?: number;
  /** Why, for people. */
  readonly why: string;
}

/** Whom the keeper of UTC tells what it decided. */
export interface ClockListener {
  /** A row of the UTC map. */
  row(reading: ClockReading): void;
  /** A teller that is not believed from now on, or is again; for people. */
  said(text: string): void;
}

/**
 * Decides which readings become rows of the UTC map: a better one than the last, or one of the same source that tells of
 * a step. Where the source of the last is heard no more, a row tells each time that its bound has doubled: nobody takes a clock for
 * exact that lost its servers yesterday; once another is far closer than that, it takes over. Stored samples never change; how their times are read does.
 *
 * Not everybody is believed who tells UTC. A source is not that shows a time before anybody's, that jumped, or that contradicts
 * - the system's clock while a time daemon has it in step, always;
 * - a clock of the board that nobody keeps, where it would have to be days ahead;
 * - another source by which UTC is told,
 * the latter two unless more sources agree with it than with them. Meanwhile UTC goes on from what was known. A source that is found to have been wrong
 * is disowned by a row without a bound: the map no longer reads by its rows before.
 */
export class ClockKeeper {
  readonly #listener: ClockListener;
  #last: ClockReading;
  /** Who told the last row; undefined: the system's clock. */
  #ruler: ClockTeller | undefined;
  readonly #tellers = new Map<string, ClockTeller>();
  /** What the system's clock shows, and since when steadily; undefined before it was believed. */
  #system: ClockTeller | undefined;
  /** Whether it is believed now. */
  #hasSystem: boolean;
  /** Box time of the newest reading. */
  #now: number;
  /** Least bound that the source of the last row had: by that the UTC map chooses among sources. */
  #least: number;
  /** When the source of the last row was heard, and within what bound. */
  #heard: Pick<ClockReading, 'time' | 'error'>;

  /** @param first kept already */
  constructor(first: ClockReading, listener: ClockListener) {
    this.#last = first;
    this.#heard = first;
    this.#least = first.error;
    this.#now = first.time;
    this.#hasSystem = first.source !== 'none';
    if (this.#hasSystem) this.#system = new ClockTeller(SYSTEM, first);
    this.#listener = listener;
  }

  get source(): ClockSource {
    return this.#last.source;
  }

  /** Name of the source that the last row is of; undefined where it is the system's clock. */
  get teller(): string | undefined {
    return this.#ruler?.name;
  }

  get errorUs(): number {
    return this.#last.error;
  }

  /** UTC minus box time as far as is known, microseconds. */
  get offsetUs(): number {
    return this.#last.offset;
  }

  /** Who tells UTC and is not believed now. */
  get doubted(): readonly DoubtedClock[] {
    const heard = [...this.#tellers.values()].filter((teller) => this.#isFresh(teller, this.#now));
    return heard.flatMap(({ name, last, doubt }) => {
      if (doubt === undefined) return [];
      const aheadUs = this.source === 'none' ? undefined : last.offset - this.offsetUs;
      return [{ teller: name, source: last.source, why: doubt, ...(aheadUs !== undefined && { aheadUs }) }];
    });
  }

  /** @param name of who tells it */
  observe(reading: ClockReading, name: string): void {
    let teller = this.#tellers.get(name);
    if (teller === undefined) {
      if (this.#tellers.size === TELLERS_MAX) return;
      teller = new ClockTeller(name, reading);
      this.#tellers.set(name, teller);
    } else teller.take(reading);
    this.#now = reading.time;
    this.#judge(teller);
    if (teller.doubt !== undefined) return;
    // What it told before is not how the past is to be read, nor what another has told whom it proves wrong.
    if (this.#isAnchored && contradict(this.#held(reading.time), reading)) this.#disown(reading.time);
    this.#weigh(reading, teller);
  }

  /** Compares the system's clock with box time. `wall` tells UTC as the system has it, microseconds. */
  observeSystem(clock: Pick<BoxClock, 'now' | 'origin'>, wall: () => number, { source, errorUs }: SystemClock): void {
    const time = clock.now();
    this.#now = time;
    this.#age(time);
    const offset = Math.round(differenceUs(wall, () => clock.now()));
    const wallUs = time + offset;
    // An unkept clock that is behind box time was refused at the start, or has been set back since: not believed.
    const isRefused = (source === 'rtc' && wallUs < clock.origin.time) || wallUs < SET_AFTER_US;
    this.#hasSystem = !isRefused;
    const reading = { time, offset, error: errorUs, source };
    if (!isRefused) this.#takeSystem(reading);
    for (const teller of this.#tellers.values()) {
      if (this.#isFresh(teller, time)) this.#judge(teller);
    }
    if (isRefused) return;
    if (this.#ruler !== undefined && this.#systemRefutes(this.#held(time))) this.#disown(time);
    this.#weigh(reading, undefined);
  }

  #takeSystem(reading: ClockReading): void {
    // One that a daemon has set into step, or that lost its daemon, begins anew.
    if (this.#system?.last.source === reading.source) this.#system.take(reading);
    else this.#system = new ClockTeller(SYSTEM, reading);
  }

  /** True where UTC is told by more than a clock that nobody keeps. */
  get #isAnchored(): boolean {
    return KEPT_SOURCES.includes(this.#last.source);
  }

  /** UTC as it goes on from what was known. */
  #held(time: number): ClockReading {
    const { offset, source } = this.#last;
    return { time, offset, error: this.#boundAt(time), source };
  }

  #isFresh({ last }: ClockTeller, time: number): boolean {
    return time - last.time <= HEARD_WITHIN_US;
  }

  #judge(teller: ClockTeller): void {
    const before = teller.doubt;
    teller.doubt = this.#doubtOf(teller);
    if ((before === undefined) === (teller.doubt === undefined)) return;
    const { name, doubt } = teller;
    if (doubt === undefined) this.#listener.said(`the clock of source ${name} is believed again`);
    else this.#listener.said(`the clock of source ${name} is not believed: it ${doubt}`);
  }

  /** Why what it tells is not believed, as a sentence goes on after its name. */
  #doubtOf(teller: ClockTeller): string | undefined {
    const { last, jumpUs, leftUs, jumps } = teller;
    const shown = utcText(last.time + last.offset)?.slice(0, 19) ?? String(last.time + last.offset);
    if (isNeverSet(last)) {
      return `shows ${shown}Z: a receiver that has not found the date, or one whose week number began anew after 1024 weeks`;
    }
    const system = this.#system?.last;
    if (system !== undefined && this.#systemRefutes(last)) {
      const told = `shows ${shown}Z, ${aheadText(last.offset - system.offset)} ${SYSTEM}`;
      if (system.source === 'rtc') return `${told}; if that is the wrong one: sudo timedatectl set-time`;
      return `${told}, which a time daemon has in step`;
    }
    if (leftUs > 0) {
      const times = jumps === 1 ? '' : `${jumps} times, at last `;
      return `jumped ${times}${jumpUs < 0 ? 'back' : 'ahead'} by ${spanText(Math.abs(jumpUs))}; it must go on steadily for another ${spanText(leftUs)}`;
    }
    const ruler = this.#ruler;
    if (ruler === teller || !this.#isAnchored) return undefined;
    const held = this.#held(last.time);
    if (!contradict(held, last)) return undefined;
    // Who is silent, or jumped, still counts for what it told before.
    const isCounted = ruler !== undefined && this.#hasSay(ruler, last.time);
    const against = this.#supporters(held) + (isCounted ? 0 : 1);
    if (this.#supporters(last) > against) return undefined;
    // Who is gone does not keep others from being believed for ever.
    if (last.time - this.#heard.time >= STEADY_MIN_US && teller.steadyUs >= STEADY_MIN_US) return undefined;
    const by = ruler === undefined ? 'what is known' : `source ${ruler.name}, by which UTC is told`;
    return `shows ${shown}Z, ${aheadText(last.offset - held.offset)} ${by}`;
  }

  /** True where the system's clock shows that another cannot be right. One that nobody keeps gives way to two that agree. */
  #systemRefutes(other: ClockReading): boolean {
    if (this.#system === undefined || !this.#hasSystem) return false;
    const { last: system, leftUs } = this.#system;
    if (system.source !== 'rtc') return contradict(system, other);
    const isTooFarAhead = system.offset - other.offset > UNKEPT_AHEAD_MAX_US;
    return isTooFarAhead && leftUs === 0 && this.#supporters(other) < 2;
  }

  /** How many sources that are heard, and steady, tell about the same. */
  #supporters(reading: ClockReading): number {
    let count = 0;
    for (const teller of this.#tellers.values()) {
      if (this.#hasSay(teller, reading.time) && !contradict(teller.last, reading)) count += 1;
    }
    return count;
  }

  #hasSay(teller: ClockTeller, time: number): boolean {
    return this.#isFresh(teller, time) && teller.leftUs === 0 && !isNeverSet(teller.last);
  }

  /** What rules was wrong all the time: nothing is known of UTC until the next reading, which is at hand. */
  #disown(time: number): void {
    const { offset, source } = this.#last;
    const nothing = { time, offset, error: Number.POSITIVE_INFINITY, source };
    this.#listener.row(nothing);
    this.#last = nothing;
    this.#heard = nothing;
    this.#least = nothing.error;
    this.#ruler = undefined;
  }

  /** @param teller undefined: the system's clock */
  #weigh(reading: ClockReading, teller: ClockTeller | undefined): void {
    const isRuler = reading.source === this.#last.source && teller === this.#ruler;
    // A bound of a moment ago, and what may have come up since, is as good as a new one that is wider.
    if (isRuler && reading.error <= this.#boundAt(reading.time)) this.#heard = reading;
    if (!this.#isNews(reading, isRuler)) return;
    this.#heard = reading;
    this.#ruler = teller;
    this.#keep(reading);
  }

  /** Bound of the error of the clock, as it was heard last. */
  #boundAt(time: number): number {
    return boundAt(this.#heard, time);
  }

  #age(time: number): void {
    const error = Math.ceil(this.#boundAt(time));
    if (!(error > Math.max(this.#last.error * GROWN_FACTOR, STEP_US))) return;
    const { offset, source } = this.#last;
    this.#keep({ time, offset, error, source });
  }

  #keep(reading: ClockReading): void {
    this.#least = reading.source === this.#last.source ? Math.min(this.#least, reading.error) : reading.error;
    this.#last = reading;
    this.#listener.row(reading);
  }

  /** Noise within the bound of a reading is none: each row is a step in how times are read. */
  #isNews(reading: ClockReading, isRuler: boolean): boolean {
    const last = this.#last;
    if (reading.source !== last.source) return reading.error < this.#least || this.#replacesLost(reading);
    if (reading.error < last.error * BETTER_FACTOR) return true;
    return isRuler && Math.abs(reading.offset - last.offset) > Math.max(reading.error, STEP_US);
  }

  /** True where it is far closer by now than what nobody tells any more. Short silence is none: to and fro are steps as well. */
  #replacesLost({ time, error, source }: ClockReading): boolean {
    const isLost = time - this.#heard.time >= STEADY_MIN_US;
    return isLost && KEPT_SOURCES.includes(source) && error < this.#boundAt(time) * BETTER_FACTOR;
  }
}

function aheadText(us: number): string {
  return `${spanText(Math.abs(us))} ${us < 0 ? 'behind' : 'ahead of'}`;
}
