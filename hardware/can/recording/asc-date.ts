/** Months by their first three letters, in English and as German tools write them. */
const MONTHS: Readonly<Record<string, number>> = {
  ...{ jan: 0, feb: 1, mar: 2, apr: 3, may: 4, jun: 5, jul: 6, aug: 7, sep: 8, oct: 9, nov: 10, dec: 11 },
  ...{ mär: 2, mrz: 2, mai: 4, okt: 9, dez: 11 },
};

const TIME_OF_DAY = /^(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;

/**
 * Microseconds from 1970 to a date as Vector's tools write it, `Mon Jul 26 10:23:45.123 am 2021`, with 24 hours or 12, as
 * if its clock showed UTC; undefined where it is none.
 */
export function ascDate(words: readonly string[]): number | undefined {
  const [, monthName = '', day = '', clock = '', ...rest] = words.map((word) => word.toLowerCase());
  const half = /^(am|pm)$/.test(rest[0] ?? '') ? rest.shift() : undefined;
  const month = MONTHS[monthName.slice(0, 3)];
  const parts = TIME_OF_DAY.exec(clock);
  const year = Number(rest[0]);
  if (month === undefined || parts === null || !/^\d{1,2}$/.test(day) || !(year >= 1970)) return undefined;
  const [, hourText, minute, second, fraction = ''] = parts;
  let hour = Number(hourText);
  if (half !== undefined) hour = (hour % 12) + (half === 'pm' ? 12 : 0);
  const seconds = Date.UTC(year, month, Number(day), hour, Number(minute), Number(second)) / 1e3;
  return Number.isFinite(seconds) ? seconds * 1e6 + Number(fraction.padEnd(6, '0')) : undefined;
}
