import type { ByteReader } from '../bytes.ts';
import { ZstdEncoder } from '../zstd.ts';

/**
 * The values of a column as bytes and back. Which encoding they get is decided by writing all that fit and keeping the
 * smallest; where the bytes then stand is the container's.
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

/** A column as bytes. */
export interface EncodedColumn {
  /** Number of the encoding. */
  readonly id: number;
  /** What the encoding wrote, before zstd. */
  readonly content: Uint8Array;
  /** One zstd frame of the content, without its magic number; only where that is smaller. */
  readonly frame?: Uint8Array;
}

/** Shorter content than this does not gain by zstd: a frame alone takes 6 bytes. */
const COMPRESS_BYTES_MIN = 16;

const zstd = new ZstdEncoder(1);

/** The smallest of all forms; the first of equals, so that the same values always give the same bytes. */
export function encodeColumn<Values>(
  encodings: readonly ColumnEncoding<Values>[],
  values: Values,
  contentBytesMax: number,
  hint?: ScaleHint,
): EncodedColumn {
  let best: EncodedColumn | undefined;
  let bestBytes = Number.POSITIVE_INFINITY;
  for (const { id, decisive, encode } of encodings) {
    const forms = encode(values, hint);
    for (const content of forms) {
      if (content.length > contentBytesMax) continue;
      if (content.length < bestBytes) {
        best = { id, content };
        bestBytes = content.length;
      }
      if (content.length < COMPRESS_BYTES_MIN) continue;
      const frame = zstd.encode(content, bestBytes - 1);
      if (frame === undefined) continue;
      best = { id, content, frame };
      bestBytes = frame.length;
    }
    if (decisive === true && forms.length > 0) break;
  }
  if (best === undefined) throw new RangeError('no encoding fits the column');
  return best;
}

/** Reads the values of a column; all of `content` is it. */
export function decodeColumn<Values>(
  encodings: readonly ColumnEncoding<Values>[],
  id: number,
  content: ByteReader,
  count: number,
): Values {
  const encoding = encodingOf(encodings, id, content);
  const values = encoding.decode(content, count);
  if (content.remaining > 0)
    content.fail('4.6', `${content.remaining} bytes are left over in a column of ${encoding.name}`);
  return values;
}

/** The encoding with that number; `input` tells the failure. */
export function encodingOf<Values>(
  encodings: readonly ColumnEncoding<Values>[],
  id: number,
  input: ByteReader,
): ColumnEncoding<Values> {
  return encodings.find((encoding) => encoding.id === id) ?? input.fail('4.2', `no encoding has the number ${id}`);
}
