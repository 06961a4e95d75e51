import { type ByteReader, type ByteWriter, varintLength } from '../bytes.ts';
import type { ColumnEncoding, ColumnForm, ScaleHint } from './column.ts';
import { findScale, type Scale, type Scaled } from './find-scale.ts';
import { formsOfIntegers } from './integer-forms.ts';
import { decodeIntegers, foldIntegers } from './integers.ts';
import { column, kernels } from './kernels/kernels.ts';
import { halfWords, wordBytes } from './words.ts';

/** How a number comes from its integer, in bits 0 and 1 of the form byte (BLOCK-7.3). */
const KIND_BITS = 0x03;
const KIND_IDENTITY = 0;
const KIND_GAIN = 1;
const KIND_GAIN_OFFSET = 2;
const KIND_DIVISOR = 3;
const HAS_EXCEPTIONS = 0x04;

/** BLOCK-7.3: integers that a gain and an offset, or a divisor, turn back into the values; what does not fit is patched. */
export const scaled: ColumnEncoding<Float64Array> = {
  id: 1,
  name: 'scaled',
  decode(content: ByteReader, count: number) {
    const head = readHead(content, count);
    const integers = decodeIntegers(content, count);
    applyScale(head, count);
    if (head.exceptions !== undefined) applyExceptions(integers, head.exceptions);
    return integers;
  },
  fold(content: ByteReader, count: number, stretches: number) {
    if (content.peek() & HAS_EXCEPTIONS) return undefined;
    const head = readHead(content, count);
    const { gain, offset } = head;
    // Any other scale gives the least integer the least value, or the greatest, and all zeros the same sign.
    if (gain === 0 || !Number.isFinite(gain) || !Number.isFinite(offset)) return undefined;
    if (!foldIntegers(content, count, stretches)) return undefined;
    applyScale(head, 4 * stretches);
    if (gain < 0) swapExtremes(stretches);
    return column;
  },
};

interface Head {
  readonly kind: number;
  readonly gain: number;
  readonly offset: number;
  readonly exceptions: Exceptions | undefined;
}

function readHead(content: ByteReader, count: number): Head {
  const form = content.u8();
  if (form > (KIND_BITS | HAS_EXCEPTIONS)) content.fail('7.3', `form is 0x${form.toString(16)}, bits 3 to 7 are not 0`);
  const kind = form & KIND_BITS;
  const gain = kind === KIND_IDENTITY ? 1 : kind === KIND_DIVISOR ? readDivisor(content) : content.f64();
  const offset = kind === KIND_GAIN_OFFSET ? content.f64() : 0;
  const exceptions = form & HAS_EXCEPTIONS ? readExceptions(content, count) : undefined;
  return { kind, gain, offset, exceptions };
}

/** Turns the first `length` integers of the kernels' column into values. */
function applyScale({ kind, gain, offset }: Head, length: number): void {
  if (kind === KIND_GAIN) kernels.multiply(length, gain);
  else if (kind === KIND_GAIN_OFFSET) kernels.scale(length, gain, offset);
  else if (kind === KIND_DIVISOR) kernels.divide(length, gain);
}

/** Of the corners of stretches in the kernels' column, which a negative gain turned round. */
function swapExtremes(stretches: number): void {
  for (let at = 0; at < 4 * stretches; at += 4) {
    const least = column[at] ?? 0;
    column[at] = column[at + 1] ?? 0;
    column[at + 1] = least;
  }
}

/** A value and its place, about. */
const EXCEPTION_BYTES = 9;

/** Residuals of more than one byte may be of few values far apart, for which a dictionary is better. */
const SPARSE_BYTES_MIN = 1;

/** Forms as integers; undefined where the values are none. */
export function scaledForms(
  values: Float64Array,
  hint?: ScaleHint,
): { forms: ColumnForm[]; sparse: boolean } | undefined {
  const found = findScale(values, hint);
  if (found === undefined) return undefined;
  const head = headBytes(found);
  const forms = formsOfIntegers(found.integers).map(
    ({ bytes, compressedBytes, write }): ColumnForm => ({
      id: scaled.id,
      bytes: head + bytes,
      compressedBytes: head + compressedBytes,
      write(out) {
        writeHead(out, values, found);
        write(out);
      },
    }),
  );
  return { forms, sparse: Math.min(...forms.map(({ bytes }) => bytes)) > SPARSE_BYTES_MIN * values.length };
}

/** Bytes of the form, the numbers of the scale, and the exceptions. */
function headBytes({ scale, exceptions }: Scaled): number {
  const kind = kindOf(scale);
  const numbers = kind === KIND_DIVISOR ? varintLength(scale.gain) : kind === KIND_GAIN ? 8 : 2 * 8;
  return 1 + (kind === KIND_IDENTITY ? 0 : numbers) + exceptions.length * EXCEPTION_BYTES;
}

function writeHead(out: ByteWriter, values: Float64Array, { scale, exceptions }: Scaled): void {
  const kind = kindOf(scale);
  out.u8(kind | (exceptions.length > 0 ? HAS_EXCEPTIONS : 0));
  if (kind === KIND_DIVISOR) out.varint(scale.gain);
  if (kind === KIND_GAIN || kind === KIND_GAIN_OFFSET) out.f64(scale.gain);
  if (kind === KIND_GAIN_OFFSET) out.f64(scale.offset);
  if (exceptions.length === 0) return;
  out.varint(exceptions.length);
  const bytes = wordBytes(values);
  let next = 0;
  for (const place of exceptions) {
    out.varint(place - next);
    out.bytes(bytes.subarray(place * 8, place * 8 + 8));
    next = place + 1;
  }
}

function kindOf({ gain, offset, divide }: Scale): number {
  if (divide) return KIND_DIVISOR;
  if (offset !== 0) return KIND_GAIN_OFFSET;
  return gain === 1 ? KIND_IDENTITY : KIND_GAIN;
}

function readDivisor(content: ByteReader): number {
  return content.varint() || content.fail('7.3', 'divisor is 0, expected at least 1');
}

interface Exceptions {
  readonly places: Uint32Array;
  readonly halves: Uint32Array;
}

function readExceptions(content: ByteReader, count: number): Exceptions {
  const length = content.varintUpTo(count, '7.3', 'number of exceptions');
  if (length === 0) content.fail('7.3', 'number of exceptions is 0, expected at least 1');
  const places = new Uint32Array(length);
  const halves = new Uint32Array(length * 2);
  let next = 0;
  for (let i = 0; i < length; i++) {
    const place = next + content.varintUpTo(count, '7.3', 'gap to an exception');
    if (place >= count) content.fail('7.3', `exception at ${place}, the block has ${count} samples`);
    places[i] = place;
    halves[2 * i] = content.u32();
    halves[2 * i + 1] = content.u32();
    next = place + 1;
  }
  return { places, halves };
}

function applyExceptions(values: Float64Array, { places, halves }: Exceptions): void {
  const out = halfWords(values);
  for (let i = 0; i < places.length; i++) {
    const place = places[i] ?? 0;
    out[2 * place] = halves[2 * i] ?? 0;
    out[2 * place + 1] = halves[2 * i + 1] ?? 0;
  }
}
