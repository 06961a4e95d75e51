/** A knot in m/s and a nautical mile in m, both exact. */
export const KNOT = 1852 / 3600;
export const NAUTICAL_MILE = 1852;
const FOOT = 0.3048;
const FATHOM = 1.8288;
const KILOMETRE_PER_HOUR = 1 / 3.6;

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;
const ANGLE = /^(\d{1,3})(\d\d(?:\.\d*)?)$/;
const TIME = /^(\d\d)(\d\d)(\d\d)(?:\.(\d*))?$/;

/**
 * The fields of a sentence by number, the address being 0. An empty or missing field is `undefined` and no fault; one
 * that cannot be what it should be is `undefined` and sets {@link Fields.isBad}.
 */
export class Fields {
  readonly #fields: readonly string[];
  /** True once a field could not be read. */
  isBad = false;

  constructor(text: string) {
    this.#fields = text.split(',');
  }

  get count(): number {
    return this.#fields.length;
  }

  text(index: number): string {
    return this.#fields[index] ?? '';
  }

  number(index: number): number | undefined {
    const text = this.text(index);
    if (text === '') return undefined;
    return NUMBER.test(text) ? Number(text) : this.#bad();
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
    const text = this.text(index);
    if (text === '') return undefined;
    const match = TIME.exec(text);
    if (match === null) return this.#bad();
    const [, hours = '', minutes = '', seconds = '', fraction = ''] = match;
    if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 60) return this.#bad();
    const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
    return whole * 1e6 + Number(fraction.slice(0, 6).padEnd(6, '0'));
  }

  #coordinate(index: number, most: number, positive: string, negative: string): number | undefined {
    const text = this.text(index);
    const side = this.text(index + 1);
    if (text === '' || side === '') return undefined;
    const match = ANGLE.exec(text);
    if (match === null || (side !== positive && side !== negative)) return this.#bad();
    const minutes = Number(match[2]);
    const degrees = Number(match[1]) + minutes / 60;
    if (minutes >= 60 || degrees > most) return this.#bad();
    return side === positive ? degrees : -degrees;
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
