/** Value of a hex digit by character code, 255 for what is none. */
const DIGITS = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  DIGITS[digit.charCodeAt(0)] = value;
  DIGITS[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Value of one hex digit; -1 where the byte is none. */
export function hexDigit(byte: number | undefined): number {
  const value = DIGITS[byte ?? 0] ?? 255;
  return value === 255 ? -1 : value;
}

/** Number of at most eight hex digits at `from` to `to - 1`; -1 where one of them is none. */
export function hexNumber(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  let seen = 0;
  for (let at = from; at < to; at++) {
    const digit = DIGITS[bytes[at] ?? 0] ?? 255;
    seen |= digit;
    value = value * 16 + digit;
  }
  return seen > 15 ? -1 : value;
}

/** Reads `count` bytes written as hex pairs; false where a digit is none. */
export function hexBytes(bytes: Uint8Array, from: number, count: number, out: Uint8Array): boolean {
  let seen = 0;
  for (let k = 0; k < count; k++) {
    const high = DIGITS[bytes[from + 2 * k] ?? 0] ?? 255;
    const low = DIGITS[bytes[from + 2 * k + 1] ?? 0] ?? 255;
    seen |= high | low;
    out[k] = (high << 4) | low;
  }
  return seen <= 15;
}

const UPPER = new Uint8Array(16);
for (let value = 0; value < 16; value++) UPPER[value] = value.toString(16).toUpperCase().charCodeAt(0);

/** Writes the `digits` lowest hex digits of a number; returns where they end. */
export function writeHex(out: Uint8Array, at: number, value: number, digits: number): number {
  for (let k = digits - 1; k >= 0; k--) {
    out[at + k] = UPPER[value & 15] ?? 0;
    value >>>= 4;
  }
  return at + digits;
}
