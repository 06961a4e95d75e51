import type { ByteReader } from '../bytes.ts';
import type { ColumnEncoding, ColumnForm } from './column.ts';
import { formsOfIntegers } from './integer-forms.ts';
import { decodeIntegers } from './integers.ts';
import { halfWords } from './words.ts';

/**
 * BLOCK-7.5: values that are float32 in disguise, as the integers that float32 bits are when they are put in the order
 * of the values: neighbours in value are neighbours in number, so that differences are small.
 */
export const float32: ColumnEncoding<Float64Array> = {
  id: 3,
  name: 'float32',
  decode(content: ByteReader, count: number) {
    const integers = decodeIntegers(content, count);
    const narrow = new Float32Array(count);
    const bits = new Int32Array(narrow.buffer);
    for (let i = 0; i < count; i++) {
      const integer = integers[i] ?? 0;
      if (integer !== (integer | 0)) content.fail('7.5', `float32 is ${integer}, expected a whole number of 32 bits`);
      bits[i] = ordered(integer);
    }
    return new Float64Array(narrow);
  },
};

/** Forms as float32, where no value loses a bit by it. */
export function float32Forms(values: Float64Array): ColumnForm[] {
  const narrow = narrowed(values);
  if (narrow === undefined) return [];
  const integers = Float64Array.from(new Int32Array(narrow.buffer), ordered);
  return formsOfIntegers(integers, ['plain', 'delta', 'delta2']).map((form) => ({ id: float32.id, ...form }));
}

/** Float32 bits as a two's complement integer in the order of the values, and back. */
function ordered(bits: number): number {
  return bits < 0 ? bits ^ 0x7fff_ffff : bits;
}

/** The values as float32; undefined where any would lose a bit. */
function narrowed(values: Float64Array): Float32Array | undefined {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (Math.fround(value) !== value && !Number.isNaN(value)) return undefined;
  }
  const narrow = new Float32Array(values);
  const met = halfWords(new Float64Array(narrow));
  const wanted = halfWords(values);
  for (let i = 0; i < met.length; i++) if (met[i] !== wanted[i]) return undefined;
  return narrow;
}
