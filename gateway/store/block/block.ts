import { Buffer } from 'node:buffer';
import { CaissonError } from '../../errors.ts';
import { BLOCK_SAMPLES_MAX, BLOCK_TEXT_BYTES_MAX, TEXT_SAMPLE_BYTES_MAX } from '../../limits.ts';
import { type ByteReader, ByteWriter } from '../bytes.ts';
import { encodeColumn, type ScaleHint } from './column.ts';
import { type BlockHeader, type BlockInfo, openChecked, readHeader, writeChecksum, writeHeader } from './header.ts';
import { NUMBER_ENCODINGS } from './number-column.ts';
import { openColumn, readColumn, writeColumn } from './stored-column.ts';
import { TEXT_ENCODINGS } from './text-column.ts';
import { decodeTimes, fromOrigin, TIME_ENCODINGS } from './time-column.ts';

/**
 * A block: at most BLOCK_SAMPLES_MAX samples of one channel with contiguous sequence numbers, as BLOCK_FORMAT.md lays it
 * down. The same bytes lie on disk, travel to central and ride the courier.
 */

export type { BlockHeader, BlockInfo } from './header.ts';

export interface BlockSamples {
  /** Whole microseconds of magnitude below 2^53, in any order. */
  readonly times: Float64Array;
  /** Text if and only if the block's type is `text`. */
  readonly values: Float64Array | readonly string[];
}

/** Most bytes of a column of numbers before zstd, by samples: far above what any sensible encoding takes (BLOCK-4.5). */
export function numberContentMax(count: number): number {
  return 64 + 32 * count;
}

/** Most bytes of a column of text before zstd: all its text, and the lengths. The last text may overshoot (BLOCK-4.5). */
export function textContentMax(count: number): number {
  return BLOCK_TEXT_BYTES_MAX + TEXT_SAMPLE_BYTES_MAX + numberContentMax(count);
}

/**
 * The bytes of a block; the same input always gives the same bytes. Throws CaissonError `block-invalid` for samples or a
 * header that no block can have.
 * @param scale gain and offset behind the numbers, where the source knows them: found faster, and where they could not be guessed
 */
export function encodeBlock(header: BlockHeader, samples: BlockSamples, scale?: ScaleHint): Uint8Array {
  const { times, values } = samples;
  const count = times.length;
  const isText = header.type === 'text';
  if (count < 1 || count > BLOCK_SAMPLES_MAX) refuse('3.10', `count is ${count}, expected 1 to ${BLOCK_SAMPLES_MAX}`);
  if (values.length !== count) refuse('3.10', `${values.length} values for ${count} times`);
  if (isText === values instanceof Float64Array) refuse('4.1', `values of type ${header.type} of the wrong kind`);
  if (!(values instanceof Float64Array)) expectFits(values);
  const { timeMin, timeMax } = timeSpan(times);

  const out = new ByteWriter();
  writeHeader(out, { ...header, count, timeMin, timeMax });
  const distances = fromOrigin(times, { timeMin, timeMax });
  writeColumn(out, encodeColumn(TIME_ENCODINGS, distances, numberContentMax(count)));
  writeColumn(
    out,
    values instanceof Float64Array
      ? encodeColumn(NUMBER_ENCODINGS, values, numberContentMax(count), scale)
      : encodeColumn(TEXT_ENCODINGS, values, textContentMax(count)),
  );
  writeChecksum(out);
  return out.toBytes();
}

/** What a block says of itself: verifies the checksum, decodes no column. Throws CaissonError `block-invalid`. */
export function readBlockInfo(bytes: Uint8Array): BlockInfo {
  return readHeader(openChecked(bytes));
}

/** All of a block. Throws CaissonError `block-invalid`, naming the clause, what was met and what was expected. */
export function decodeBlock(bytes: Uint8Array): BlockInfo & BlockSamples {
  const input = openChecked(bytes);
  const info = readHeader(input);
  const { count, type } = info;
  const times = readTimes(input, info);
  const values =
    type === 'text'
      ? readColumn(input, TEXT_ENCODINGS, count, textContentMax(count))
      : readColumn(input, NUMBER_ENCODINGS, count, numberContentMax(count));
  if (input.remaining > 0) input.fail('1.2', `${input.remaining} bytes are left over after the columns`);
  return { ...info, times, values };
}

function readTimes(input: ByteReader, info: BlockInfo): Float64Array {
  const { id, content } = openColumn(input, TIME_ENCODINGS, numberContentMax(info.count));
  return decodeTimes(id, content, info.count, info);
}

function expectFits(texts: readonly string[]): void {
  const most = BLOCK_TEXT_BYTES_MAX + TEXT_SAMPLE_BYTES_MAX;
  let total = 0;
  for (const text of texts) {
    const length = Buffer.byteLength(text);
    if (length > TEXT_SAMPLE_BYTES_MAX) {
      refuse('8.1', `length of a text is ${length}, expected at most ${TEXT_SAMPLE_BYTES_MAX}`);
    }
    total += length;
  }
  if (total > most) refuse('8.2', `${total} bytes of text, expected at most ${most}`);
}

function timeSpan(times: Float64Array): { timeMin: number; timeMax: number } {
  let timeMin = Number.POSITIVE_INFINITY;
  let timeMax = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < times.length; i++) {
    const time = times[i] ?? 0;
    if (!Number.isSafeInteger(time))
      refuse('3.11', `time is ${time}, expected whole microseconds of magnitude below 2^53`);
    if (time < timeMin) timeMin = time;
    if (time > timeMax) timeMax = time;
  }
  return { timeMin, timeMax };
}

function refuse(clause: string, problem: string): never {
  throw new CaissonError('block-invalid', `BLOCK-${clause}: ${problem}`);
}
