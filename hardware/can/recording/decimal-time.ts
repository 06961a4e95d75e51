const DECIMAL = /^(\d{1,13})(?:\.(\d+))?$/;

/**
 * Whole microseconds out of a decimal number of a larger unit, exact: what a double would round is not met. Digits beyond
 * microseconds are cut.
 * @param unitUs microseconds in one of the unit, a power of ten: 1e6 for seconds, 1e3 for milliseconds
 * @returns NaN where the text is no such number
 */
export function microsOf(text: string, unitUs: number): number {
  const parts = DECIMAL.exec(text);
  if (parts === null) return Number.NaN;
  const digits = Math.round(Math.log10(unitUs));
  const fraction = (parts[2] ?? '').slice(0, digits).padEnd(digits, '0');
  return Number(parts[1]) * unitUs + Number(fraction);
}
