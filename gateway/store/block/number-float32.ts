import type { ByteReader } from '../bytes.ts';
import type { ColumnEncoding } from './column.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';
import { halfWords } from './words.ts';

/**
 * BLOCK-7.5: values that are float32 in disguise, as the integers that float32 bits are when they are put in the order
 * of the values: neighbours in value are neighbours in number, so that differences are small.
 */
export const float32: ColumnEncoding<Float64Array> = {
  id: 3,
  name: 'float32',
  encode(values: Float64Array) {
    const narrow = narrowed(values);
    if (narrow === undefined) return [];
    return encodeIntegers(Float64Array.from(new Int32Array(narrow.buffer), ordered), ['plain', 'delta', 'delta2']);
  },
  decode(content: ByteReader, count: number) {
    const values = new Float64Array(count);
    decodeIntegers(content, values);
    const narrow = new Float32Array(count);
    const bits = new Int32Array(narrow.buffer);
    for (let i = 0; i < count; i++) {
      const integer = values[i] ?? 0;
      if (integer !== (integer | 0)) content.fail('7.5', `float32 is ${integer}, expected a whole number of 32 bits`);
      bits[i] = ordered(integer);
    }
    for (let i = 0; i < count; i++) values[i] = narrow[i] ?? 0;
    return values;
  },
};

/** Float32 bits as a two's complement integer in the order of the values, and back. */
function ordered(bits: number): number {
  return bits < 0 ? bits ^ 0x7fff_ffff : bits;
}

/** The values as float32; undefined where any would lose a bit. */
function narrowed(values: Float64Array): Float32Array | undefined {
  const narrow = Float32Array.from(values);
  const met = halfWords(Float64Array.from(narrow));
  const wanted = halfWords(values);
  for (let i = 0; i < met.length; i++) if (met[i] !== wanted[i]) return undefined;
  return narrow;
}
