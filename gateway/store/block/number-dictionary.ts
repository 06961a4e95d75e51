import type { ByteReader } from '../bytes.ts';
import type { ColumnEncoding, ColumnForm } from './column.ts';
import { formsOfIntegers } from './integer-forms.ts';
import { decodeIntegers } from './integers.ts';
import { halfWords, wordBytes } from './words.ts';

/** Distinct values of a dictionary. With more, the values themselves are smaller. */
const ENTRIES_MAX = 256;

/** Slots of the table in which entries are found by their bits: a power of two, at most a quarter taken. */
const SLOTS = 1024;

/** BLOCK-7.4: the distinct values in the order they appear, then which one each sample is. */
export const dictionary: ColumnEncoding<Float64Array> = {
  id: 2,
  name: 'dictionary',
  decode(content: ByteReader, count: number) {
    const size = content.varintUpTo(ENTRIES_MAX, '7.4', 'number of dictionary entries');
    const entries = new Uint32Array(size * 2);
    new Uint8Array(entries.buffer).set(content.take(size * 8));
    const codes = decodeIntegers(content, count);
    const values = new Float64Array(count);
    const halves = halfWords(values);
    for (let i = 0; i < count; i++) {
      const code = codes[i] ?? 0;
      if (!(code >= 0 && code < size)) content.fail('7.4', `code is ${code}, the dictionary has ${size} entries`);
      halves[2 * i] = entries[2 * code] ?? 0;
      halves[2 * i + 1] = entries[2 * code + 1] ?? 0;
    }
    return values;
  },
};

/** Forms with a dictionary, where the values are few. */
export function dictionaryForms(values: Float64Array): ColumnForm[] {
  const found = findEntries(values);
  if (found === undefined) return [];
  const { entries, codes } = found;
  return formsOfIntegers(codes, ['plain', 'delta']).map(({ bytes, compressedBytes, write }) => ({
    id: dictionary.id,
    bytes: bytes + 2 + entries.byteLength,
    compressedBytes: compressedBytes + 2 + entries.byteLength,
    write(out) {
      out.varint(entries.length);
      out.bytes(wordBytes(entries));
      write(out);
    },
  }));
}

/** Entries by their bits: two numbers that are equal but have other bits are two entries. */
function findEntries(values: Float64Array): { entries: Float64Array; codes: Float64Array } | undefined {
  const halves = halfWords(values);
  const codes = new Float64Array(values.length);
  const slots = new Uint16Array(SLOTS);
  const places = new Uint16Array(ENTRIES_MAX);
  let size = 0;
  for (let i = 0; i < values.length; i++) {
    const low = halves[2 * i] ?? 0;
    const high = halves[2 * i + 1] ?? 0;
    let slot = Math.imul(low ^ Math.imul(high, 0x9e37_79b1), 0x85eb_ca77) >>> 22;
    for (;;) {
      const code = (slots[slot] ?? 0) - 1;
      if (code < 0) {
        if (size === ENTRIES_MAX) return undefined;
        places[size] = i;
        codes[i] = size;
        slots[slot] = ++size;
        break;
      }
      const place = places[code] ?? 0;
      if (halves[2 * place] === low && halves[2 * place + 1] === high) {
        codes[i] = code;
        break;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
  }
  return { entries: pick(values, places.subarray(0, size)), codes };
}

function pick(values: Float64Array, places: Uint16Array): Float64Array {
  const entries = new Float64Array(places.length);
  const out = halfWords(entries);
  const halves = halfWords(values);
  places.forEach((place, i) => {
    out[2 * i] = halves[2 * place] ?? 0;
    out[2 * i + 1] = halves[2 * place + 1] ?? 0;
  });
  return entries;
}
