import { type ByteReader, ByteWriter } from '../bytes.ts';
import type { ColumnEncoding } from './column.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';
import { halfWords, wordBytes } from './words.ts';

/** Distinct values of a dictionary. With more, the values themselves are smaller. */
const ENTRIES_MAX = 256;

/** BLOCK-7.4: the distinct values in the order they appear, then which one each sample is. */
export const dictionary: ColumnEncoding<Float64Array> = {
  id: 2,
  name: 'dictionary',
  encode(values: Float64Array) {
    const found = findEntries(values);
    if (found === undefined) return [];
    const { entries, codes } = found;
    return encodeIntegers(codes, ['plain', 'delta']).map((run) => {
      const out = new ByteWriter(2 + entries.byteLength + run.length);
      out.varint(entries.length);
      out.bytes(wordBytes(entries));
      out.bytes(run);
      return out.toBytes();
    });
  },
  decode(content: ByteReader, count: number) {
    const size = content.varintUpTo(ENTRIES_MAX, '7.4', 'number of dictionary entries');
    const entries = new Uint32Array(size * 2);
    new Uint8Array(entries.buffer).set(content.take(size * 8));
    const values = new Float64Array(count);
    decodeIntegers(content, values);
    const halves = halfWords(values);
    for (let i = 0; i < count; i++) {
      const code = values[i] ?? 0;
      if (!(code >= 0 && code < size)) content.fail('7.4', `code is ${code}, the dictionary has ${size} entries`);
      halves[2 * i] = entries[2 * code] ?? 0;
      halves[2 * i + 1] = entries[2 * code + 1] ?? 0;
    }
    return values;
  },
};

/** Entries by their bits: two numbers that are equal but have other bits are two entries. */
function findEntries(values: Float64Array): { entries: Float64Array; codes: Float64Array } | undefined {
  const halves = halfWords(values);
  const codes = new Float64Array(values.length);
  const places: number[] = [];
  const byBits = new Map<string | number, number>();
  let previous = -1;
  for (let i = 0; i < values.length; i++) {
    const low = halves[2 * i] ?? 0;
    const high = halves[2 * i + 1] ?? 0;
    if (i > 0 && low === halves[2 * i - 2] && high === halves[2 * i - 1]) {
      codes[i] = previous;
      continue;
    }
    const key = low === 0 ? high : `${high},${low}`;
    let code = byBits.get(key);
    if (code === undefined) {
      code = places.length;
      if (code === ENTRIES_MAX) return undefined;
      places.push(i);
      byBits.set(key, code);
    }
    codes[i] = code;
    previous = code;
  }
  return { entries: pick(values, places), codes };
}

function pick(values: Float64Array, places: readonly number[]): Float64Array {
  const entries = new Float64Array(places.length);
  const out = halfWords(entries);
  const halves = halfWords(values);
  places.forEach((place, i) => {
    out[2 * i] = halves[2 * place] ?? 0;
    out[2 * i + 1] = halves[2 * place + 1] ?? 0;
  });
  return entries;
}
