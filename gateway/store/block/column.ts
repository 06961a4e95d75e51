import { messageOf } from '../../errors.ts';
import type { ByteReader, ByteWriter } from '../bytes.ts';
import { ZstdDecoder, ZstdEncoder } from '../zstd.ts';

/**
 * A column of a block (BLOCK-4): the number of its encoding, its length and its content, under zstd where that is
 * smaller. Which encoding a block gets is decided by writing all that fit and keeping the smallest.
 */

/** Gain and offset of the integers that a source knows behind its numbers. */
export interface ScaleHint {
  readonly gain: number;
  readonly offset: number;
}

/** One way to write a column of `Values`. Its id is part of the format and is never given to another. */
export interface ColumnEncoding<Values> {
  readonly id: number;
  readonly name: string;
  /** Where it fits, encodings that come after it are not tried. */
  readonly decisive?: boolean;
  /** Every form of these values worth measuring; none where the encoding does not fit them. Losslessly or not at all. */
  encode(values: Values, hint?: ScaleHint): readonly Uint8Array[];
  /** Reads `count` values; whatever `content` leaves unread is an error of the caller. */
  decode(content: ByteReader, count: number): Values;
}

/** Set in the encoding byte where the content is a zstd frame. */
const COMPRESSED = 0x80;

/** Shorter content than this does not gain by zstd: a frame alone takes 6 bytes. */
const COMPRESS_BYTES_MIN = 16;

const zstd = new ZstdEncoder(1);
const unzstd = new ZstdDecoder();

/** Writes the smallest of all forms; the first of equals, so that the same values always give the same bytes. */
export function writeColumn<Values>(
  out: ByteWriter,
  encodings: readonly ColumnEncoding<Values>[],
  values: Values,
  contentBytesMax: number,
  hint?: ScaleHint,
): void {
  let best: Uint8Array | undefined;
  let bestId = 0;
  let bestLength = 0;
  for (const { id, decisive, encode } of encodings) {
    const forms = encode(values, hint);
    for (const content of forms) {
      if (content.length > contentBytesMax) continue;
      if (best === undefined || content.length < best.length) {
        best = content;
        bestId = id;
        bestLength = 0;
      }
      if (content.length < COMPRESS_BYTES_MIN) continue;
      const frame = zstd.encode(content, best.length - 1);
      if (frame === undefined) continue;
      best = frame;
      bestId = id | COMPRESSED;
      bestLength = content.length;
    }
    if (decisive === true && forms.length > 0) break;
  }
  if (best === undefined) throw new RangeError('no encoding fits the column');
  out.u8(bestId);
  out.varint(best.length);
  if (bestId & COMPRESSED) out.varint(bestLength);
  out.bytes(best);
}

/** What stands in a column, before its values are read. */
export interface ColumnContent<Values> {
  readonly encoding: ColumnEncoding<Values>;
  readonly compressed: boolean;
  readonly content: ByteReader;
}

/** Reads the frame of a column; memory is bounded by `contentBytesMax`, whatever the bytes claim. */
export function openColumn<Values>(
  input: ByteReader,
  encodings: readonly ColumnEncoding<Values>[],
  contentBytesMax: number,
): ColumnContent<Values> {
  const head = input.u8();
  const encoding = encodings.find(({ id }) => id === (head & ~COMPRESSED));
  if (encoding === undefined) return input.fail('4.2', `no encoding has the number ${head & ~COMPRESSED}`);
  const compressed = (head & COMPRESSED) !== 0;
  const length = input.varintUpTo(input.remaining, '4.3', 'length of a column');
  if (!compressed) {
    if (length > contentBytesMax) input.fail('4.5', `content is ${length} bytes, expected at most ${contentBytesMax}`);
    return { encoding, compressed, content: input.over(input.take(length)) };
  }
  const contentLength = input.varintUpTo(contentBytesMax, '4.5', 'content length of a column');
  const frame = input.take(length);
  try {
    return { encoding, compressed, content: input.over(unzstd.decode(frame, contentLength)) };
  } catch (cause) {
    return input.fail('4.4', `column does not decompress to ${contentLength} bytes: ${messageOf(cause)}`, cause);
  }
}

/** Reads the values of a column. */
export function readColumn<Values>(
  input: ByteReader,
  encodings: readonly ColumnEncoding<Values>[],
  count: number,
  contentBytesMax: number,
): Values {
  const { encoding, content } = openColumn(input, encodings, contentBytesMax);
  const values = encoding.decode(content, count);
  if (content.remaining > 0)
    input.fail('4.6', `${content.remaining} bytes are left over in a column of ${encoding.name}`);
  return values;
}
