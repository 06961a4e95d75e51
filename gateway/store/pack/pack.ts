import { decodeColumn } from '../block/column.ts';
import { NUMBER_ENCODINGS } from '../block/number-column.ts';
import { TEXT_ENCODINGS } from '../block/text-column.ts';
import { decodeTimes } from '../block/time-column.ts';
import { ByteReader } from '../bytes.ts';
import { readDirectory } from './directory.ts';
import { openFrame } from './frame.ts';
import type { BlockInfo, BlockSamples, Directory, PackHeader } from './pack-info.ts';
import { placeSections, type Section, sectionContent } from './sections.ts';

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
  readonly #times = new Map<number, Float64Array>();

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
    const { input, directory } = openFrame(bytes);
    return new Pack(bytes, input, readDirectory(directory));
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
    const entry = this.directory.blocks[block];
    if (entry === undefined) throw new RangeError(`block ${block} of a pack of ${this.blocks.length}`);
    const times = this.#timesOf(entry.times);
    const content = this.#content(this.directory.times.length + block, entry.contentLength);
    const { encoding, count } = entry;
    const values =
      entry.type === 'text'
        ? decodeColumn(TEXT_ENCODINGS, encoding, content, count)
        : decodeColumn(NUMBER_ENCODINGS, encoding, content, count);
    return { times, values };
  }

  #timesOf(index: number): Float64Array {
    const known = this.#times.get(index);
    if (known !== undefined) return known;
    const entry = this.directory.times[index];
    if (entry === undefined) throw new RangeError(`time column ${index} of ${this.directory.times.length}`);
    const content = this.#content(index, entry.contentLength);
    const times = decodeTimes(entry.encoding, content, entry.count, entry);
    this.#times.set(index, times);
    return times;
  }

  #content(column: number, length: number): ByteReader {
    const index = this.#sectionOf[column] ?? 0;
    const section = this.sections[index];
    if (section === undefined) throw new RangeError(`section ${index} of ${this.sections.length}`);
    const start = this.#startOf[column] ?? 0;
    const content = section.columns === 1 ? sectionContent(this.#input, section) : this.#sharedContent(index, section);
    return new ByteReader(content.subarray(start, start + length), 'block-invalid', 'BLOCK');
  }

  #sharedContent(index: number, section: Section): Uint8Array {
    let content = this.#shared.get(index);
    if (content === undefined) {
      content = sectionContent(this.#input, section).slice();
      this.#shared.set(index, content);
    }
    return content;
  }
}
