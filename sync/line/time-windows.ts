/**
 * Windows of time in which a line may be used: `22:00-06:00`, `sat,sun 00:00-24:00`. Hours are those of a zone that the config
 * names. Pure: times are handed in, UTC in milliseconds.
 */
import { Type } from '@sinclair/typebox';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** How far ahead the next change is looked for, days: every window comes back within a week. */
const AHEAD_DAYS = 8;

/** What a window looks like: one that ends when it begins could be a whole day or nothing. */
const WINDOW_PATTERN =
  '^((sun|mon|tue|wed|thu|fri|sat)(,(sun|mon|tue|wed|thu|fri|sat))* )?(?!(?<from>\\d\\d:\\d\\d)-\\k<from>$)([01]\\d|2[0-3]):[0-5]\\d-(([01]\\d|2[0-3]):[0-5]\\d|24:00)$';

/** A window as a config has it. */
export const WindowText = Type.String({
  pattern: WINDOW_PATTERN,
  'x-pattern': '`22:00-06:00` or `sat,sun 00:00-24:00`, an end other than the beginning',
});

interface Window {
  /** Days of the week on which it begins, 0 for Sunday. */
  readonly days: ReadonlySet<number>;
  /** Minutes since midnight; an end that is not later is of the next day. */
  readonly from: number;
  readonly to: number;
}

/** Whether there is a zone of that name, such as `Europe/Berlin`. */
export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export class TimeWindows {
  /** As they are written, with the zone of their hours. */
  readonly texts: readonly string[];
  readonly #windows: readonly Window[];
  readonly #format: Intl.DateTimeFormat;

  /** @param texts each a {@link WindowText} @param zone for which {@link isZone} holds */
  constructor(texts: readonly string[], zone = 'UTC') {
    this.texts = texts.map((text) => `${text} ${zone}`);
    this.#windows = texts.map(parseWindow);
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
    });
  }

  isOpen(utcMs: number): boolean {
    const local = utcMs + this.#offset(utcMs);
    const midnight = Math.floor(local / DAY_MS) * DAY_MS;
    const minute = Math.floor((local - midnight) / MINUTE_MS);
    const day = weekday(midnight);
    return this.#windows.some(({ days, from, to }) => {
      if (to > from) return days.has(day) && minute >= from && minute < to;
      return (days.has(day) && minute >= from) || (days.has((day + 6) % 7) && minute < to);
    });
  }

  /** When it opens or shuts next, UTC in milliseconds; undefined where it never does. */
  nextChange(utcMs: number): number | undefined {
    const isOpen = this.isOpen(utcMs);
    const today = Math.floor((utcMs + this.#offset(utcMs)) / DAY_MS) * DAY_MS;
    const edges = this.#windows.flatMap(({ from, to }) =>
      Array.from({ length: AHEAD_DAYS + 1 }, (_, ahead) =>
        [from, to].map((minute) => this.#utcOf(today + ahead * DAY_MS + minute * MINUTE_MS)),
      ).flat(),
    );
    return edges
      .filter((edge) => edge > utcMs)
      .sort((a, b) => a - b)
      .find((edge) => this.isOpen(edge) !== isOpen);
  }

  /** Local time minus UTC, milliseconds. */
  #offset(utcMs: number): number {
    const parts = new Map(this.#format.formatToParts(utcMs).map(({ type, value }) => [type, Number(value)]));
    const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
    return local - Math.floor(utcMs / 1e3) * 1e3;
  }

  #utcOf(local: number): number {
    const guess = local - this.#offset(local);
    return local - this.#offset(guess);
  }
}

function parseWindow(text: string): Window {
  const [hours = '', named] = text.split(' ').reverse();
  const [from = 0, to = 0] = hours.split('-').map((time) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return hour * 60 + minute;
  });
  const days = named === undefined ? DAYS : DAYS.filter((day) => named.split(',').includes(day));
  return { days: new Set(days.map((day) => DAYS.indexOf(day))), from, to };
}

/** 0 for Sunday. */
function weekday(midnight: number): number {
  return (((midnight / DAY_MS + 4) % 7) + 7) % 7;
}
