import { type Buffer, isUtf8 } from 'node:buffer';
import type { Field } from '../payload/field.ts';
import type { ChannelTemplate } from './channel-template.ts';
import type { LineReason } from './line-fault.ts';
import { readSeriesKey, type SeriesKey, unescapeName } from './series-key.ts';

/** A field of a series, as it is spelled. */
export interface SeriesField {
  /** The key's bytes and the equals sign behind it. */
  readonly bytes: Uint8Array;
  readonly field: Field;
  /** Place among the fields of its series, in the order in which they came first. */
  readonly place: number;
}

/** A measurement with its tags, as it is spelled: lines tend to come again with the same bytes and the same fields. */
export class Series {
  /** The key's bytes and the space behind it. */
  readonly bytes: Uint8Array;
  readonly fields: SeriesField[] = [];
  /** The series whose line came behind the last line of this one. */
  next: Series | undefined;
  readonly #key: SeriesKey;
  readonly #byKey = new Map<string, SeriesField>();

  constructor(bytes: Uint8Array, key: SeriesKey) {
    this.bytes = bytes;
    this.#key = key;
  }

  /** The field of that spelling; undefined where it is new. */
  known(spelling: string): SeriesField | undefined {
    return this.#byKey.get(spelling);
  }

  /** Remembers a field; `bytes` are its key and the equals sign behind it. */
  add(spelling: string, bytes: Buffer, root: Field, template: ChannelTemplate): SeriesField {
    const name = unescapeName(bytes.toString('utf8', 0, bytes.length - 1));
    const field = root.child(template.name(this.#key, name));
    const added = { bytes: Uint8Array.from(bytes), field, place: this.fields.length };
    this.#byKey.set(spelling, added);
    this.fields.push(added);
    return added;
  }
}

/** The series of one root of channel names, by how they are spelled. */
export class KnownSeries {
  readonly #bySpelling = new Map<string, Series>();
  readonly #onMade: () => void;

  constructor(onMade: () => void) {
    this.#onMade = onMade;
  }

  /** The series that `bytes`, a space at their end, are the key of; why they are none. */
  get(bytes: Buffer): Series | LineReason {
    const spelling = bytes.toString('latin1');
    const known = this.#bySpelling.get(spelling);
    if (known !== undefined) return known;
    const key = readSeriesKey(bytes.subarray(0, -1));
    if (typeof key === 'string') return key;
    const series = new Series(Uint8Array.from(bytes), key);
    this.#bySpelling.set(spelling, series);
    this.#onMade();
    return series;
  }

  /** The field that `bytes`, an equals sign at their end, are the key of; undefined where they are not UTF-8. */
  field(series: Series, bytes: Buffer, root: Field, template: ChannelTemplate): SeriesField | undefined {
    const spelling = bytes.toString('latin1');
    const known = series.known(spelling);
    if (known !== undefined || !isUtf8(bytes)) return known;
    this.#onMade();
    return series.add(spelling, bytes, root, template);
  }
}
