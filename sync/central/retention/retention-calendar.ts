/** Days that the clock may go on between two looks and be believed at once: a central that was off over a long weekend. */
const BELIEVED_DAYS = 7;

/** Days that pass here while one passes by the clock, until both are the same again. */
const CATCH_UP = 2;

/** By which day ages count, and what the clock said when that was found. Numbers of days of UTC. */
export interface RetentionCalendar {
  readonly day: number;
  readonly clock: number;
}

/**
 * The day by which ages count now. It follows the clock, but not where that leaps: a clock that was set years ahead would retire everything
 * at once. Such a leap does not count, however it came about; what it skipped is made up for by two days a day, so that there is time
 * to see it, and a central that was off for a season keeps things for as long once more.
 * @param before what was found at the look before; undefined at the first
 */
export function nextDay(clock: number, before: RetentionCalendar | undefined): RetentionCalendar {
  if (before === undefined) return { day: clock, clock };
  const passed = clock - before.clock;
  const isLeap = passed < 0 || passed > BELIEVED_DAYS;
  return { day: Math.min(clock, before.day + (isLeap ? 0 : CATCH_UP * passed)), clock };
}

/** As a store keeps it. */
export function calendarText({ day, clock }: RetentionCalendar): string {
  return `${day} ${clock}`;
}

/** Undefined where none was kept. */
export function calendarOf(text: string | undefined): RetentionCalendar | undefined {
  const [, day, clock] = /^(\d+) (\d+)$/.exec(text ?? '') ?? [];
  return day === undefined ? undefined : { day: Number(day), clock: Number(clock) };
}

/** A day as people read it. */
export function dayText(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}
