const WORD = 2 ** 32;

/**
 * Whole part of `(high * 2^32 + low) / divisor`, exact also where the dividend is more than a double holds: nanoseconds of
 * more than 104 days are.
 * @param divisor whole, at most 2^21
 */
export function divideWide(high: number, low: number, divisor: number): number {
  const rest = (high % divisor) * WORD + low;
  return Math.floor(high / divisor) * WORD + Math.floor(rest / divisor);
}
