import { Buffer } from 'node:buffer';

/** A knot in m/s and a nautical mile in m, both exact. */
export const KNOT = 1852 / 3600;
export const NAUTICAL_MILE = 1852;
const FOOT = 0.3048;
const FATHOM = 1.8288;
const KILOMETRE_PER_HOUR = 1 / 3.6;

const COMMA = 0x2c;
const POINT = 0x2e;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ZERO = 0x30;

/** Fields of a sentence; more than its bytes allow there are never. */
const FIELDS_MAX = 512;

/** Digits that a float64 holds exactly as an integer, and so as a decimal after one division. */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, index) => 10 ** index);

/** Texts of one character, so that the many fields that are a letter cost no string. */
const LETTERS: readonly string[] = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

/**
 * The fields of a sentence by number, the address being 0. An empty or missing field is `undefined` and no fault; one
 * that cannot be what it should be is `undefined` and sets {@link Fields.isBad}. One object serves sentence after sentence.
 */
export class Fields {
  /** True once a field could not be read. */
  isBad = false;
  count = 0;
  #bytes: Buffer = Buffer.alloc(0);
  /** Where each field begins; it ends one byte before the next begins. */
  readonly #starts = new Int32Array(FIELDS_MAX + 1);

  /** Takes the sentence at `from` to `to - 1`, start and checksum left out. It is read only until the next is taken. */
  take(bytes: Buffer, from: number, to: number): void {
    this.#bytes = bytes;
    this.isBad = false;
    let count = 0;
    this.#starts[0] = from;
    for (let at = from; at < to && count < FIELDS_MAX - 1; at += 1) {
      if (bytes[at] !== COMMA) continue;
      count += 1;
      this.#starts[count] = at + 1;
    }
    this.count = count + 1;
    this.#starts[this.count] = to + 1;
  }

  /** Bytes of a field. */
  lengthOf(index: number): number {
    return this.#end(index) - this.#start(index);
  }

  text(index: number): string {
    const start = this.#start(index);
    const end = this.#end(index);
    if (end <= start) return '';
    if (end === start + 1) return LETTERS[this.#bytes[start] ?? 0] ?? '';
    return this.#bytes.toString('latin1', start, end);
  }

  number(index: number): number | undefined {
    const start = this.#start(index);
    const end = this.#end(index);
    if (end <= start) return undefined;
    const sign = this.#bytes[start];
    const value = this.#decimal(sign === PLUS || sign === MINUS ? start + 1 : start, end);
    if (value === undefined) return this.#bad();
    return sign === MINUS ? -value : value;
  }

  /** A field in a unit whose letter stands in the next field; undefined where that letter is another. */
  numberIn(index: number, letter: string): number | undefined {
    return this.text(index + 1) === letter ? this.number(index) : undefined;
  }

  /** A speed in m/s from a number and its unit's letter: N knots, K km/h, M m/s, S statute miles an hour. */
  speed(index: number): number | undefined {
    const factor = SPEED_UNITS[this.text(index + 1)];
    return factor === undefined ? undefined : times(this.number(index), factor);
  }

  knots(index: number): number | undefined {
    return times(this.number(index), KNOT);
  }

  /** A distance in m from nautical miles. */
  miles(index: number): number | undefined {
    return times(this.number(index), NAUTICAL_MILE);
  }

  /** A depth in m from the three units a depth sentence spells it in: feet, metres, fathoms. */
  depth(index: number): number | undefined {
    return (
      this.numberIn(index + 2, 'M') ??
      times(this.numberIn(index, 'f'), FOOT) ??
      times(this.numberIn(index + 4, 'F'), FATHOM)
    );
  }

  /** A magnitude with its side in the next field: `positive` letter as it is, `negative` letter negated. */
  sided(index: number, positive: string, negative: string): number | undefined {
    const value = this.number(index);
    if (value === undefined) return undefined;
    const side = this.text(index + 1);
    if (side === positive) return value;
    return side === negative ? -value : undefined;
  }

  /** Degrees from ddmm.mmm and N or S. */
  latitude(index: number): number | undefined {
    return this.#coordinate(index, 90, 'N', 'S');
  }

  /** Degrees from dddmm.mmm and E or W. */
  longitude(index: number): number | undefined {
    return this.#coordinate(index, 180, 'E', 'W');
  }

  /** Time of day in microseconds from hhmmss.sss; further digits are cut off. */
  timeOfDay(index: number): number | undefined {
    const start = this.#start(index);
    const end = this.#end(index);
    if (end <= start) return undefined;
    const hours = this.#pair(start, end);
    const minutes = this.#pair(start + 2, end);
    const seconds = this.#pair(start + 4, end);
    const isTime = hours <= 23 && minutes <= 59 && seconds <= 60;
    if (!isTime || (end > start + 6 && this.#bytes[start + 6] !== POINT)) return this.#bad();
    let micros = 0;
    let unit = 100_000;
    for (let at = start + 7; at < end; at += 1) {
      const digit = (this.#bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) return this.#bad();
      micros += digit * unit;
      unit = Math.floor(unit / 10);
    }
    return ((hours * 60 + minutes) * 60 + seconds) * 1e6 + micros;
  }

  /** One to three digits of degrees, two of minutes, decimals of minutes. */
  #coordinate(index: number, most: number, positive: string, negative: string): number | undefined {
    const start = this.#start(index);
    const end = this.#end(index);
    const side = this.text(index + 1);
    if (end <= start || side === '') return undefined;
    let whole = start;
    while (whole < end && this.#bytes[whole] !== POINT) whole += 1;
    if (whole - start < 3 || whole - start > 5 || (side !== positive && side !== negative)) return this.#bad();
    const full = this.#decimal(start, whole - 2);
    const minutes = this.#decimal(whole - 2, end);
    if (full === undefined || minutes === undefined) return this.#bad();
    const degrees = full + minutes / 60;
    if (minutes >= 60 || degrees > most) return this.#bad();
    return side === positive ? degrees : -degrees;
  }

  #start(index: number): number {
    return index < this.count ? (this.#starts[index] ?? 0) : 0;
  }

  #end(index: number): number {
    return index < this.count ? (this.#starts[index + 1] ?? 0) - 1 : 0;
  }

  /** Two digits; more than any of them may be where they are none. */
  #pair(at: number, end: number): number {
    const tens = (this.#bytes[at] ?? 0) - ZERO;
    const ones = (this.#bytes[at + 1] ?? 0) - ZERO;
    return at + 2 > end || tens < 0 || tens > 9 || ones < 0 || ones > 9 ? 100 : tens * 10 + ones;
  }

  /** Digits with at most one point among them; undefined where there is anything else, or no digit. */
  #decimal(start: number, end: number): number | undefined {
    let value = 0;
    let digits = 0;
    let decimals = -1;
    for (let at = start; at < end; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      if (byte === POINT && decimals < 0) {
        decimals = 0;
        continue;
      }
      const digit = byte - ZERO;
      if (digit < 0 || digit > 9) return undefined;
      value = value * 10 + digit;
      digits += 1;
      if (decimals >= 0) decimals += 1;
    }
    if (digits === 0) return undefined;
    if (digits > EXACT_DIGITS) return Number(this.#bytes.toString('latin1', start, end));
    return decimals > 0 ? value / (POWERS[decimals] ?? 1) : value;
  }

  #bad(): undefined {
    this.isBad = true;
    return undefined;
  }
}

const SPEED_UNITS: Readonly<Record<string, number>> = {
  N: KNOT,
  K: KILOMETRE_PER_HOUR,
  M: 1,
  S: 0.44704,
};

function times(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}
