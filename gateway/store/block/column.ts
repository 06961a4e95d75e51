import { type ByteReader, ByteWriter } from '../bytes.ts';
import { ZstdEncoder } from '../zstd.ts';
import type { Form } from './integer-forms.ts';
import { column } from './kernels/kernels.ts';

/**
 * The values of a column as bytes and back. Which encoding they get is decided by the size of each, as the statistics of
 * the values tell it; where the bytes then stand is the container's.
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
  /**
   * Reads `count` values; whatever `content` leaves unread is an error of the caller. They may stand in the kernels' scratch
   * memory, valid until the next column is read or written.
   */
  decode(content: ByteReader, count: number): Values;
  /**
   * Reads the same, but only to the corners of its stretches, which stand between the kernels' cuts and are all of it: four
   * numbers a stretch, the least, the greatest, the first and the last, at the beginning of scratch memory as above.
   * Undefined where that takes decoding it all.
   */
  fold?(content: ByteReader, count: number, stretches: number): Float64Array | undefined;
}

/** A form of a whole column. */
export interface ColumnForm extends Form {
  /** Number of its encoding. */
  readonly id: number;
}

/** The encodings of a kind of column. */
export interface ColumnKind<Values> {
  readonly encodings: readonly ColumnEncoding<Values>[];
  /** Every way worth weighing to write these values, at least one. Each is lossless. */
  formsOf(values: Values, hint?: ScaleHint): readonly ColumnForm[];
}

/** A column as bytes. */
export interface EncodedColumn {
  /** Number of the encoding. */
  readonly id: number;
  /** What the encoding wrote, before zstd. */
  readonly content: Uint8Array;
  /** One zstd frame of the content, without its magic number; only where that pays. */
  readonly frame?: Uint8Array;
}

/** Shorter content than this does not gain by zstd: a frame alone takes 6 bytes. */
const COMPRESS_BYTES_MIN = 16;

/** A frame is kept where it takes at most this share of the plain content: reading it takes as long as the rest of decoding. */
const COMPRESS_SHARE = 0.9;

/**
 * The best form for zstd is tried where it seems to come down to so much of the plain one. What seems is not certain; but
 * of those above one in fifty was kept, and trying them took most of the time of sealing.
 */
const TRY_SHARE = 0.95;

/** It is tried in any case from so many bytes on: these are floats as they are, whose repetitions are not foreseen. */
const LONG_BYTES_MIN = 8 * 1024;

/** The next best is tried as well where it seems to take at most so many times as much, and the best so much of the plain one. */
const SECOND_SHARE = 1.1;
const SECOND_TRY_SHARE = 0.9;

/** Room for a column of numbers; text may take more. */
const SCRATCH_BYTES = 64 * 1024;

const zstd = new ZstdEncoder(1);
const scratch = new ByteWriter(SCRATCH_BYTES);

/** The smallest form, or nearly; the same values always give the same bytes. */
export function encodeColumn<Values>(
  { formsOf }: ColumnKind<Values>,
  values: Values,
  contentBytesMax: number,
  hint?: ScaleHint,
): EncodedColumn {
  const forms = formsOf(values, hint);
  const plain = leastBy(forms, ({ bytes }) => bytes);
  let best: EncodedColumn | undefined;
  let most = plain.bytes * COMPRESS_SHARE;
  for (const form of worthCompressing(forms, plain.bytes)) {
    const content = contentOf(form);
    const frame = content.length <= contentBytesMax ? zstd.encode(content, most) : undefined;
    if (frame === undefined) continue;
    best = { id: form.id, content: content.slice(), frame: frame.slice() };
    most = frame.length;
  }
  return best ?? { id: plain.id, content: contentOf(plain).slice() };
}

/** What a form writes, valid until the next is written. */
function contentOf({ write }: ColumnForm): Uint8Array {
  scratch.clear();
  write(scratch);
  return scratch.written();
}

/** The form that zstd seems to make the most of, and the next where it seems hardly worse; none where nothing comes of it. */
function worthCompressing(forms: readonly ColumnForm[], plainBytes: number): ColumnForm[] {
  if (plainBytes < COMPRESS_BYTES_MIN) return [];
  const first = leastBy(forms, ({ compressedBytes }) => compressedBytes);
  if (first.compressedBytes > plainBytes * TRY_SHARE) return plainBytes < LONG_BYTES_MIN ? [] : [first];
  if (first.compressedBytes > plainBytes * SECOND_TRY_SHARE) return [first];
  const others = forms.filter((form) => form !== first && form.compressedBytes <= first.compressedBytes * SECOND_SHARE);
  return others.length === 0 ? [first] : [first, leastBy(others, ({ compressedBytes }) => compressedBytes)];
}

function leastBy(forms: readonly ColumnForm[], bytesOf: (form: ColumnForm) => number): ColumnForm {
  return forms.reduce((least, form) => (bytesOf(form) < bytesOf(least) ? form : least));
}

/** Reads the values of a column; all of `content` is it. */
export function decodeColumn<Values>(kind: ColumnKind<Values>, id: number, content: ByteReader, count: number): Values {
  const values = lookAtColumn(kind, id, content, count);
  return values instanceof Float64Array && values.buffer === column.buffer ? (values.slice() as Values) : values;
}

/** As {@link decodeColumn}, but the values may be gone when the next column is read or written. */
export function lookAtColumn<Values>(kind: ColumnKind<Values>, id: number, content: ByteReader, count: number): Values {
  const encoding = encodingOf(kind, id, content);
  const values = encoding.decode(content, count);
  expectAllRead(content, encoding);
  return values;
}

/** Fails where a column was not all of its content. */
export function expectAllRead<Values>(content: ByteReader, { name }: ColumnEncoding<Values>): void {
  if (content.remaining > 0) content.fail('4.6', `${content.remaining} bytes are left over in a column of ${name}`);
}

/** The encoding with that number; `input` tells the failure. */
export function encodingOf<Values>(
  { encodings }: ColumnKind<Values>,
  id: number,
  input: ByteReader,
): ColumnEncoding<Values> {
  return encodings[id] ?? input.fail('4.2', `no encoding has the number ${id}`);
}
