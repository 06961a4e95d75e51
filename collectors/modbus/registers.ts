/** Types of values by the registers they take. */
export const VALUE_TYPES = {
  u16: 1,
  i16: 1,
  u32: 2,
  i32: 2,
  f32: 2,
  u64: 4,
  i64: 4,
  f64: 4,
} as const;

export type ValueType = keyof typeof VALUE_TYPES;

/**
 * In which order the bytes of a value stand, A being its most significant of the first pair: `ABCD` as the specification has it,
 * `CDAB` least significant register first, `BADC` bytes of each register swapped, `DCBA` both.
 */
export type ByteOrder = 'ABCD' | 'CDAB' | 'BADC' | 'DCBA';

const scratch = new DataView(new ArrayBuffer(8));

/**
 * The value of the registers from `at` bytes on. Integers of 64 bits are exact up to 2^53.
 *
 * @param data registers as on the wire, two bytes each
 */
export function readValue(data: Uint8Array, at: number, type: ValueType, order: ByteOrder): number {
  const registers = VALUE_TYPES[type];
  const isSwapped = order === 'BADC' || order === 'DCBA';
  const isReversed = order === 'CDAB' || order === 'DCBA';
  for (let index = 0; index < registers; index += 1) {
    const from = at + 2 * (isReversed ? registers - 1 - index : index);
    scratch.setUint8(2 * index, data[isSwapped ? from + 1 : from] ?? 0);
    scratch.setUint8(2 * index + 1, data[isSwapped ? from : from + 1] ?? 0);
  }
  switch (type) {
    case 'u16':
      return scratch.getUint16(0);
    case 'i16':
      return scratch.getInt16(0);
    case 'u32':
      return scratch.getUint32(0);
    case 'i32':
      return scratch.getInt32(0);
    case 'f32':
      return scratch.getFloat32(0);
    case 'u64':
      return scratch.getUint32(0) * 2 ** 32 + scratch.getUint32(4);
    case 'i64':
      return scratch.getInt32(0) * 2 ** 32 + scratch.getUint32(4);
    case 'f64':
      return scratch.getFloat64(0);
  }
}

/** `count` bits of a register, from bit `from` on, 0 being the least significant. */
export function readBits(register: number, from: number, count: number): number {
  return (register >>> from) & ((1 << count) - 1);
}

/** One of the bits of an answer, 1 or 0. */
export function readBit(data: Uint8Array, index: number): number {
  return ((data[index >> 3] ?? 0) >> (index & 7)) & 1;
}
