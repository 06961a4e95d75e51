import { decodeColumn, lookAtColumn } from '../block/column.ts';
import { kernels } from '../block/kernels/kernels.ts';
import { foldNumbers, NUMBER_ENCODINGS } from '../block/number-column.ts';
import { REFERENCES_MAX, RELATIVE, readReference } from '../block/relative-times.ts';
import { TEXT_ENCODINGS } from '../block/text-column.ts';
import { type AscendingTimes, ascendingTimes, lookAtTimes } from '../block/time-column.ts';
import { ByteReader } from '../bytes.ts';
import { readDirectory } from './directory.ts';
import { openFrame } from './frame.ts';
import type {
  BlockEntry,
  BlockInfo,
  BlockSamples,
  Directory,
  NumberSamples,
  PackHeader,
  TimeColumnInfo,
} from './pack-info.ts';
import { placeSections, type Section, unzippedSection } from './sections.ts';

/** The times of a block. */
interface BlockTimes {
  readonly times: Float64Array;
  /** True where no time is before the one before it. */
  readonly ascends: boolean;
  /** How many references lead to a column that has none. */
  readonly depth: number;
}

/**
 * A pack: blocks of one boot and stamp in one run of bytes, as BLOCK_FORMAT.md lays it down. The same bytes lie on disk,
 * travel to central and ride the courier. Opening one verifies the checksum and reads the directory; a block is decoded
 * when it is asked for, without the others' large columns.
 */
export class Pack {
  readonly bytes: Uint8Array;
  readonly directory: Directory;
  readonly sections: readonly Section[];
  readonly #input: ByteReader;
  /** Index of the section that holds a column. */
  readonly #sectionOf: readonly number[];
  /** Where the content of a column begins in its section. */
  readonly #startOf: readonly number[];
  /** Contents of sections that columns share, once they were asked for. */
  readonly #shared = new Map<number, Uint8Array>();
  readonly #times = new Map<number, BlockTimes>();
  /** Time columns that are told from bytes which stay. */
  readonly #inOrder = new Map<number, AscendingTimes>();
  #keptBytes = 0;

  private constructor(bytes: Uint8Array, input: ByteReader, directory: Directory) {
    this.bytes = bytes;
    this.#input = input;
    this.directory = directory;
    const lengths = [...directory.times, ...directory.blocks].map(({ contentLength }) => contentLength);
    this.sections = placeSections(input, directory.sections, lengths);
    const sectionOf: number[] = [];
    const startOf: number[] = [];
    for (const [index, { firstColumn, columns }] of this.sections.entries()) {
      let start = 0;
      for (let column = firstColumn; column < firstColumn + columns; column += 1) {
        sectionOf.push(index);
        startOf.push(start);
        start += lengths[column] ?? 0;
      }
    }
    this.#sectionOf = sectionOf;
    this.#startOf = startOf;
  }

  /** Throws CaissonError `block-invalid`, naming the clause, what was met and what was expected. */
  static open(bytes: Uint8Array): Pack {
    // Not a Buffer, whose parts take several times as long to make.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    const { input, directory } = openFrame(plain);
    return new Pack(plain, input, readDirectory(directory));
  }

  /** Bytes of the pack and of what was decoded and is kept of it. */
  get weight(): number {
    return this.bytes.length + this.#keptBytes;
  }

  get header(): PackHeader {
    return this.directory.header;
  }

  get blocks(): readonly BlockInfo[] {
    return this.directory.blocks;
  }

  /**
   * The samples of a block. Its times are shared by all blocks that have the same: not to be changed.
   * @param block its index. Throws CaissonError `block-invalid`
   */
  samples(block: number): BlockSamples {
    const entry = this.#block(block);
    const { times } = this.#timesOf(entry.times);
    const content = this.#contentOf(block, entry);
    const { encoding, count } = entry;
    const values =
      entry.type === 'text'
        ? decodeColumn(TEXT_ENCODINGS, encoding, content, count)
        : decodeColumn(NUMBER_ENCODINGS, encoding, content, count);
    return { times, values };
  }

  /**
   * The samples of a block of numbers, for a look: no memory is taken for them, but for times that blocks share.
   * @param room where times are put, BLOCK_SAMPLES_MAX of them
   * @returns undefined for text; else valid until `room` is used again or the next column of any pack is read or written
   */
  look(block: number, room: Float64Array): NumberSamples | undefined {
    const entry = this.#block(block);
    if (entry.type === 'text') return undefined;
    const { times, ascends } = this.#isShared ? this.#timesOf(entry.times) : this.#inRoom(entry.times, room);
    const values = lookAtColumn(NUMBER_ENCODINGS, entry.encoding, this.#contentOf(block, entry), entry.count);
    return { times, values, ascends };
  }

  /** Index of the time column of a block: blocks of one have the same times. */
  timeColumnOf(block: number): number {
    return this.#block(block).times;
  }

  /** The times of a block where they ascend, to be told one by one; valid until the next column is read or written. */
  ascendingTimes(block: number): AscendingTimes | undefined {
    const index = this.timeColumnOf(block);
    const known = this.#inOrder.get(index) ?? this.#times.get(index) ?? this.#timesInOrder(index);
    if ('at' in known) return known;
    const { times, ascends } = known;
    return ascends ? { length: times.length, heldBytes: 0, at: (i) => times[i] as number } : undefined;
  }

  /**
   * The corners of stretches of a block of numbers, as `foldNumbers` gives them.
   * @param stretches how many, and where each ends
   * @returns undefined for text
   */
  fold(
    block: number,
    { count, ends }: { readonly count: number; readonly ends: Uint32Array },
  ): Float64Array | undefined {
    const entry = this.#block(block);
    if (entry.type === 'text') return undefined;
    return foldNumbers(entry.encoding, this.#contentOf(block, entry), entry.count, ends, count);
  }

  #block(block: number): BlockEntry {
    const entry = this.directory.blocks[block];
    if (entry === undefined) throw new RangeError(`block ${block} of a pack of ${this.blocks.length}`);
    return entry;
  }

  #contentOf(block: number, { contentLength }: BlockEntry): ByteReader {
    return this.#content(this.directory.times.length + block, contentLength);
  }

  #inRoom(index: number, room: Float64Array): BlockTimes {
    const looked = this.#decodedTimes(index);
    const times = room.subarray(0, looked.times.length);
    times.set(looked.times);
    return { ...looked, times };
  }

  /** Times that other blocks may have too are kept. */
  #timesOf(index: number): BlockTimes {
    const known = this.#times.get(index);
    if (known !== undefined) return known;
    const { times, ascends, depth } = this.#decodedTimes(index);
    const kept = { times: times.slice(), ascends, depth };
    if (!this.#isShared) return kept;
    this.#times.set(index, kept);
    this.#keptBytes += kept.times.byteLength;
    return kept;
  }

  get #isShared(): boolean {
    return this.directory.blocks.length > 1;
  }

  /** Without decoding them all, where their column tells that they ascend. */
  #timesInOrder(index: number): AscendingTimes | BlockTimes {
    const entry = this.directory.times[index];
    if (entry === undefined) return this.#decodedTimes(index);
    const { encoding, contentLength, count } = entry;
    const told = ascendingTimes(encoding, this.#content(index, contentLength), count, entry);
    if (told === undefined) return this.#decodedTimes(index);
    if (this.#stays(index)) {
      this.#inOrder.set(index, told);
      this.#keptBytes += told.heldBytes;
    }
    return told;
  }

  /** True where the content of a column is no scratch memory. */
  #stays(column: number): boolean {
    const section = this.sections[this.#sectionOf[column] ?? 0];
    return section !== undefined && (section.columns > 1 || section.frameLength === 0);
  }

  /** Scratch memory, valid until the next column is read or written. */
  #decodedTimes(index: number): BlockTimes {
    const entry = this.directory.times[index];
    if (entry === undefined) throw new RangeError(`time column ${index} of ${this.directory.times.length}`);
    const { encoding, contentLength, count } = entry;
    const content = this.#content(index, contentLength);
    if (encoding === RELATIVE) return this.#relativeTimes(index, content, entry);
    return this.#look(lookAtTimes(encoding, content, count, entry), 0);
  }

  #relativeTimes(index: number, input: ByteReader, entry: TimeColumnInfo): BlockTimes {
    // A copy: it may stand where the content of the reference will.
    const content = input.over(input.take(input.remaining).slice());
    const { back, shift } = readReference(content, index);
    const { times: referred, depth } = this.#timesOf(index - back);
    if (depth >= REFERENCES_MAX) content.fail('5.6', `more than ${REFERENCES_MAX} references follow each other`);
    return this.#look(lookAtTimes(RELATIVE, content, entry.count, entry, { times: referred, shift }), depth + 1);
  }

  #look(times: Float64Array, depth: number): BlockTimes {
    return { times, ascends: kernels.ascends(times.length) === 1, depth };
  }

  #content(column: number, length: number): ByteReader {
    const index = this.#sectionOf[column] ?? 0;
    const section = this.sections[index];
    if (section === undefined) throw new RangeError(`section ${index} of ${this.sections.length}`);
    const start = this.#startOf[column] ?? 0;
    if (section.frameLength === 0) return readerOf(this.bytes, section.start + start, length);
    if (section.columns === 1) return readerOf(unzippedSection(this.#input, section), start, length);
    return readerOf(this.#sharedContent(index, section), start, length);
  }

  #sharedContent(index: number, section: Section): Uint8Array {
    let content = this.#shared.get(index);
    if (content === undefined) {
      content = unzippedSection(this.#input, section).slice();
      this.#shared.set(index, content);
      this.#keptBytes += content.length;
    }
    return content;
  }
}

function readerOf(bytes: Uint8Array, start: number, length: number): ByteReader {
  return new ByteReader(bytes, 'block-invalid', 'BLOCK', start, start + length);
}
