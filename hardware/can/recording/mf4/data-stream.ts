import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { Mf4Error, readBlock, wide } from './block.ts';
import type { RandomBytes } from './random-bytes.ts';

const unzip = promisify(inflate);

const DATA_KINDS = ['DT', 'SD', 'DV'];
/** Content of a block DZ before the packed bytes. */
const PACKED_HEADER_BYTES = 24;
const TRANSPOSED = 1;

/** Bytes that one packed block may unpack to; the standard's own limit is 4 MiB. */
const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;
/** Blocks of one stream. */
const SEGMENTS_MAX = 1_000_000;
/** Bytes read ahead from the file. */
const WINDOW_BYTES = 256 * 1024;

/** A stretch of the stream that one block holds. */
interface Segment {
  /** In the stream. */
  readonly from: number;
  readonly length: number;
  /** Of its bytes, packed or not, in the file. */
  readonly fileAt: number;
  readonly packed: { readonly bytes: number; readonly transposedBy: number } | undefined;
}

/** The bytes that data blocks, lists of them and packed ones hold, as one stream that can be read from any place. */
export class DataStream {
  readonly length: number;
  readonly #file: RandomBytes;
  readonly #segments: readonly Segment[];
  #window: Uint8Array = new Uint8Array(0);
  #windowAt = 0;

  private constructor(file: RandomBytes, segments: readonly Segment[]) {
    this.#file = file;
    this.#segments = segments;
    const last = segments.at(-1);
    this.length = last === undefined ? 0 : last.from + last.length;
  }

  /**
   * @param at of the block that the data begin with; 0 for none
   * @param isOpenEnded the recorder was cut off: the last block goes on to the end of the file, whatever it says
   * @throws Mf4Error
   */
  static async open(file: RandomBytes, at: number, isOpenEnded: boolean): Promise<DataStream> {
    const segments: Segment[] = [];
    if (at !== 0) await collect(file, at, segments, isOpenEnded);
    return new DataStream(file, segments);
  }

  /** The bytes at `at`, if they are at hand: valid until the next call of {@link read}. */
  peek(at: number, length: number): Uint8Array | undefined {
    const from = at - this.#windowAt;
    if (from < 0 || from + length > this.#window.length) return undefined;
    return this.#window.subarray(from, from + length);
  }

  /** The bytes at `at`; undefined where the stream ends before. Valid until the next call. Rejects for a damaged block. */
  async read(at: number, length: number): Promise<Uint8Array | undefined> {
    if (at < 0 || at + length > this.length) return undefined;
    const there = this.peek(at, length);
    if (there !== undefined) return there;
    await this.#load(at);
    const whole = this.peek(at, length);
    if (whole !== undefined) return whole;
    // It lies in several blocks, or is longer than what is read ahead.
    const joined = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      await this.#load(at + done);
      const part = this.#window.subarray(at + done - this.#windowAt).subarray(0, length - done);
      if (part.length === 0) return undefined;
      joined.set(part, done);
      done += part.length;
    }
    return joined;
  }

  /** Where the block behind that at `at` begins in the stream: what is damaged is left by it. */
  behind(at: number): number {
    const segment = this.#segmentAt(at);
    return segment === undefined ? this.length : segment.from + segment.length;
  }

  /** Reads ahead from `at`, no further than its block goes. */
  async #load(at: number): Promise<void> {
    const segment = this.#segmentAt(at);
    if (segment === undefined) return;
    const { from, length, fileAt, packed } = segment;
    if (packed === undefined) {
      this.#windowAt = at;
      this.#window = await this.#file.read(fileAt + at - from, Math.min(WINDOW_BYTES, from + length - at));
      return;
    }
    const content = await unpacked(await this.#file.read(fileAt, packed.bytes));
    if (content?.length !== length) throw new Mf4Error(`byte ${fileAt}: does not unpack to ${length} bytes`);
    this.#window = packed.transposedBy === 0 ? content : transposedBack(content, packed.transposedBy);
    this.#windowAt = from;
  }

  #segmentAt(at: number): Segment | undefined {
    const segments = this.#segments;
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((segments[middle] as Segment).from <= at) low = middle + 1;
      else high = middle;
    }
    const found = segments[low - 1];
    return found !== undefined && at < found.from + found.length ? found : undefined;
  }
}

/** Undefined where the bytes are damaged. */
async function unpacked(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    const { buffer, byteOffset, length } = await unzip(bytes, { maxOutputLength: UNPACKED_BYTES_MAX });
    // Not as a Buffer, of which a slice is no copy.
    return new Uint8Array(buffer, byteOffset, length);
  } catch {
    return undefined;
  }
}

async function collect(file: RandomBytes, at: number, segments: Segment[], isOpenEnded: boolean): Promise<void> {
  const block = await readBlock(file, at, ...DATA_KINDS, 'DZ', 'DL', 'HL');
  if (DATA_KINDS.includes(block.kind) || block.kind === 'DZ')
    return add(segments, await segmentOf(file, at, isOpenEnded));
  let list = block.kind === 'HL' ? await readBlock(file, block.links[0] ?? 0, 'DL') : block;
  // A list of empty blocks adds no segment: a circle of such is known by the lists that were met.
  for (const met = new Set([list.at]); ; met.add(list.at)) {
    const [next = 0, ...data] = list.links;
    for (const each of data) if (each !== 0) add(segments, await segmentOf(file, each, isOpenEnded && next === 0));
    if (next === 0) return;
    if (met.has(next)) throw new Mf4Error(`byte ${list.at}: a list of data blocks that goes in a circle`);
    list = await readBlock(file, next, 'DL');
  }
}

function add(segments: Segment[], segment: Omit<Segment, 'from'>): void {
  if (segments.length === SEGMENTS_MAX) throw new Mf4Error(`more than ${SEGMENTS_MAX} data blocks in a row`);
  const last = segments.at(-1);
  if (segment.length > 0) segments.push({ from: last === undefined ? 0 : last.from + last.length, ...segment });
}

async function segmentOf(file: RandomBytes, at: number, isOpenEnded: boolean): Promise<Omit<Segment, 'from'>> {
  const { kind, content, contentAt, length } = await readBlock(file, at, ...DATA_KINDS, 'DZ');
  const there = Math.max(0, file.size - contentAt);
  if (kind !== 'DZ') {
    const told = at + length - contentAt;
    const bytes = isOpenEnded && told === 0 ? there : Math.min(told, there);
    return { length: bytes, fileAt: contentAt, packed: undefined };
  }
  const unpacked = wide(content, 8);
  if (unpacked > UNPACKED_BYTES_MAX) throw new Mf4Error(`byte ${at}: a block DZ of ${unpacked} bytes is too long`);
  const transposedBy = content.getUint8(2) === TRANSPOSED ? content.getUint32(4, true) : 0;
  const bytes = Math.min(wide(content, 16), there);
  return { length: unpacked, fileAt: contentAt + PACKED_HEADER_BYTES, packed: { bytes, transposedBy } };
}

/** Records of `width` bytes out of their columns; what is no whole record stands behind them as it is. */
function transposedBack(columns: Uint8Array, width: number): Uint8Array {
  const rows = Math.floor(columns.length / width);
  if (rows < 2) return columns;
  const out = columns.slice();
  for (let column = 0, at = 0; column < width; column++) {
    for (let row = 0; row < rows; row++) out[row * width + column] = columns[at++] as number;
  }
  return out;
}
