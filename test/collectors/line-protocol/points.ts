import fc from 'fast-check';
import { plainName, type ReadSample } from './read-lines.ts';

/** What a line says. */
export interface Point {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: readonly (readonly [key: string, value: number | boolean | string])[];
  /** Microseconds; undefined for none. */
  readonly time: number | undefined;
}

const NAME_PARTS = ['a', 'b', ' ', ',', '=', 'ü', '"', '/', '#x'];
const TEXT_PARTS = ['x', ' ', ',', '=', '"', '\\', '\n', 'ß', '#'];
const TIME_MAX = 2 ** 50;

/** Arbitrary points with all that must be escaped. A field has one type, by its first letter, and no tag's name. */
export function points(maxLength: number, times: 'some' | 'each' = 'some'): fc.Arbitrary<Point[]> {
  const named = (prefix: string) =>
    fc.array(fc.constantFrom(...NAME_PARTS), { maxLength: 3 }).map((parts) => prefix + parts.join(''));
  const text = fc.array(fc.constantFrom(...TEXT_PARTS), { maxLength: 6 }).map((parts) => parts.join(''));
  const float = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
  const field = fc.oneof(
    fc.tuple(
      named('f'),
      float.map((value) => value + 0),
    ),
    fc.tuple(named('b'), fc.boolean()),
    fc.tuple(named('s'), text),
  );
  const point = fc.record({
    measurement: named('m'),
    tags: fc.dictionary(named('t'), named('v'), { maxKeys: 3 }),
    fields: fc.uniqueArray(field, { minLength: 1, maxLength: 4, selector: ([key]) => key }),
    time: times === 'each' ? fc.nat(TIME_MAX) : fc.option(fc.nat(TIME_MAX), { nil: undefined }),
  });
  return fc.array(point, { maxLength });
}

/** A point as a client writes it, its time in microseconds. */
export function lineOf({ measurement, tags, fields, time }: Point): string {
  const tagText = Object.entries(tags).map(([key, tag]) => `,${escaped(key)}=${escaped(tag)}`);
  const fieldText = fields.map(([key, value]) => `${escaped(key)}=${spelled(value)}`);
  return `${escaped(measurement)}${tagText.join('')} ${fieldText.join(',')}${time === undefined ? '' : ` ${time}`}`;
}

/** The samples of points, channels named by the default template. */
export function samplesOfPoints(points: readonly Point[]): ReadSample[] {
  return points.flatMap(({ measurement, tags, fields, time }) => {
    const pairs = Object.keys(tags)
      .sort()
      .map((key) => `${key}=${tags[key]}/`);
    return fields.map(([key, value]): ReadSample => [plainName(`${measurement}/${pairs.join('')}${key}`), time, value]);
  });
}

function escaped(key: string): string {
  return key.replace(/[,= ]/g, '\\$&');
}

function spelled(value: number | boolean | string): string {
  return typeof value === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : String(value);
}
