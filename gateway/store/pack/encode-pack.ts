import { Buffer } from 'node:buffer';
import type { ChannelType } from '../../channel.ts';
import { CaissonError } from '../../errors.ts';
import { BLOCK_SAMPLES_MAX, BLOCK_TEXT_BYTES_MAX, PACK_BYTES_MAX, TEXT_SAMPLE_BYTES_MAX } from '../../limits.ts';
import { type EncodedColumn, encodeColumn, type ScaleHint } from '../block/column.ts';
import { NUMBER_ENCODINGS } from '../block/number-column.ts';
import { type EarlierTimes, RELATIVE, readReference } from '../block/relative-times.ts';
import { TEXT_ENCODINGS } from '../block/text-column.ts';
import { encodeTimes } from '../block/time-column.ts';
import { ByteReader, ByteWriter } from '../bytes.ts';
import { numberContentMax, textContentMax } from './block-bounds.ts';
import { writeDirectory } from './directory.ts';
import { writeChecksum, writeHead } from './frame.ts';
import { type BlockEntry, type BlockSamples, type PackHeader, sameBits, type TimeColumnInfo } from './pack-info.ts';
import { writeSections } from './sections.ts';

/** Memory for the sections of a pack, at most PACK_BYTES_MAX or what one pack too large took. */
const body = new ByteWriter(32 * 1024);

/** A block that is to be packed. */
export interface PackBlock extends BlockSamples {
  /** Name of the channel. */
  readonly channel: string;
  readonly type: ChannelType;
  readonly firstSequence: number;
  /** Gain and offset behind the numbers, where the source knows them: found faster, and where they could not be guessed. */
  readonly scale?: ScaleHint | undefined;
}

/**
 * The bytes of a pack; the same input always gives the same bytes. Blocks whose times are equal bit for bit share one
 * column of times. Throws CaissonError `block-invalid` for blocks or a header that no pack can have.
 */
export function encodePack(header: PackHeader, blocks: readonly PackBlock[]): Uint8Array {
  const encoder = new PackEncoder(header);
  for (const block of blocks) encoder.add(block);
  return encoder.finish();
}

/** Encodes a pack a block at a time, for one who has other things to do between. */
export class PackEncoder {
  readonly #header: PackHeader;
  readonly #times = new TimeColumns();
  readonly #placed: (Pick<BlockEntry, 'channel' | 'type' | 'firstSequence' | 'times'> & {
    readonly column: EncodedColumn;
  })[] = [];

  constructor(header: PackHeader) {
    this.#header = header;
  }

  /** Its times must stay as they are until {@link PackEncoder.finish}. Throws as {@link encodePack}. */
  add(block: PackBlock): void {
    expectBlock(block);
    const { channel, type, firstSequence } = block;
    const times = this.#times.indexOf(block.times);
    this.#placed.push({ channel, type, firstSequence, times, column: encodeValues(block) });
  }

  /** The bytes of the pack. Throws as {@link encodePack}. */
  finish(): Uint8Array {
    const { columns } = this.#times;
    body.clear();
    const sections = writeSections(body, [
      ...columns.map(({ column }) => column),
      ...this.#placed.map(({ column }) => column),
    ]);
    const directory = writeDirectory({
      header: this.#header,
      times: columns.map(({ count, timeMin, timeMax, column }) => {
        return { count, timeMin, timeMax, encoding: column.id, contentLength: column.content.length };
      }),
      blocks: this.#placed.map(({ channel, type, firstSequence, times, column }) => {
        const { count, timeMin, timeMax } = columns[times] ?? { count: 0, timeMin: 0, timeMax: 0 };
        const entry = { encoding: column.id, contentLength: column.content.length };
        return { channel, type, firstSequence, count, timeMin, timeMax, times, ...entry };
      }),
      sections,
    });
    const out = new ByteWriter(directory.length + body.length + 16);
    writeHead(out, directory);
    out.bytes(body.written());
    writeChecksum(out);
    if (out.length > PACK_BYTES_MAX) refuse('PACK-1.5', `${out.length} bytes, expected at most ${PACK_BYTES_MAX}`);
    return out.toBytes();
  }
}

/** The distinct columns of times of a pack, in the order in which they are met. */
class TimeColumns {
  readonly columns: (TimeColumnInfo & { readonly column: EncodedColumn })[] = [];
  readonly #earlier: EarlierTimes[] = [];
  /** Indexes by length and ends: what may be equal. */
  readonly #alike = new Map<string, number[]>();

  indexOf(times: Float64Array): number {
    const key = `${times.length} ${times[0]} ${times.at(-1)}`;
    const alike = this.#alike.get(key) ?? [];
    for (const index of alike) {
      const other = this.#earlier[index]?.times;
      if (other !== undefined && (other === times || sameBits(other, times))) return index;
    }
    const index = this.columns.length;
    this.#alike.set(key, [...alike, index]);
    const count = times.length;
    const span = timeSpan(times);
    const column = encodeTimes(times, span, this.#earlier, numberContentMax(count));
    this.#earlier.push({ times, depth: this.#depthOf(column) });
    this.columns.push({ count, ...span, column });
    return index;
  }

  /** How many references lead from the next column to one that has none. */
  #depthOf({ id, content }: EncodedColumn): number {
    if (id !== RELATIVE) return 0;
    const index = this.columns.length;
    const { back } = readReference(new ByteReader(content, 'block-invalid', 'BLOCK'), index);
    return 1 + (this.#earlier[index - back]?.depth ?? 0);
  }
}

function encodeValues({ values, scale }: PackBlock): EncodedColumn {
  return values instanceof Float64Array
    ? encodeColumn(NUMBER_ENCODINGS, values, numberContentMax(values.length), scale)
    : encodeColumn(TEXT_ENCODINGS, values, textContentMax(values.length));
}

function expectBlock({ type, times, values }: PackBlock): void {
  const count = times.length;
  if (count < 1 || count > BLOCK_SAMPLES_MAX) {
    refuse('BLOCK-3.2', `count is ${count}, expected 1 to ${BLOCK_SAMPLES_MAX}`);
  }
  if (values.length !== count) refuse('BLOCK-3.2', `${values.length} values for ${count} times`);
  if ((type === 'text') === values instanceof Float64Array) {
    refuse('BLOCK-4.1', `values of type ${type} of the wrong kind`);
  }
  if (!(values instanceof Float64Array)) expectFits(values);
}

function expectFits(texts: readonly string[]): void {
  const most = BLOCK_TEXT_BYTES_MAX + TEXT_SAMPLE_BYTES_MAX;
  let total = 0;
  for (const text of texts) {
    const length = Buffer.byteLength(text);
    if (length > TEXT_SAMPLE_BYTES_MAX) {
      refuse('BLOCK-8.1', `length of a text is ${length}, expected at most ${TEXT_SAMPLE_BYTES_MAX}`);
    }
    total += length;
  }
  if (total > most) refuse('BLOCK-8.2', `${total} bytes of text, expected at most ${most}`);
}

function timeSpan(times: Float64Array): { timeMin: number; timeMax: number } {
  let timeMin = Number.POSITIVE_INFINITY;
  let timeMax = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < times.length; i++) {
    const time = times[i] ?? 0;
    if (!Number.isSafeInteger(time)) {
      refuse('BLOCK-3.4', `time is ${time}, expected whole microseconds of magnitude below 2^53`);
    }
    if (time < timeMin) timeMin = time;
    if (time > timeMax) timeMax = time;
  }
  return { timeMin, timeMax };
}

function refuse(clause: string, problem: string): never {
  throw new CaissonError('block-invalid', `${clause}: ${problem}`);
}
