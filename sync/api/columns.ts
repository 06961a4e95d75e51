import { Buffer } from 'node:buffer';
import { endianness } from 'node:os';
import { CaissonError } from '../../gateway/errors.ts';

const BYTES = Float64Array.BYTES_PER_ELEMENT;
const IS_BIG_ENDIAN = endianness() === 'BE';

/** A column as it travels: little-endian binary64. On nearly every machine a view of the column, not a copy. */
export function encodeColumn(column: Float64Array): Uint8Array {
  const bytes = Buffer.from(column.buffer, column.byteOffset, column.byteLength);
  return IS_BIG_ENDIAN ? Buffer.from(bytes).swap64() : bytes;
}

/**
 * A column from its bytes, copied: they lie anywhere in a larger message that would otherwise stay in memory.
 * @throws CaissonError `peer-invalid` when the bytes are no whole number of elements
 */
export function decodeColumn(bytes: Uint8Array): Float64Array {
  if (bytes.length % BYTES !== 0) {
    throw new CaissonError('peer-invalid', `a column of ${bytes.length} bytes, expected a multiple of ${BYTES}`);
  }
  const column = new Float64Array(bytes.length / BYTES);
  const copy = Buffer.from(column.buffer);
  copy.set(bytes);
  if (IS_BIG_ENDIAN) copy.swap64();
  return column;
}
