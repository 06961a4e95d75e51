import { messageOf } from '../../errors.ts';
import type { ByteReader, ByteWriter } from '../bytes.ts';
import { ZstdDecoder, ZstdEncoder } from '../zstd.ts';
import type { SectionEntry } from './pack-info.ts';

/** Content from which on a column stands alone, so that its block is read without decompressing others. */
const ALONE_BYTES_MIN = 1024;

/** Most bytes of content of a section that columns share (PACK-6.4). */
export const SHARED_BYTES_MAX = 64 * 1024;

const zstd = new ZstdEncoder(3);
const unzstd = new ZstdDecoder();

/** The content of a column, and one zstd frame of it where that is smaller. */
export interface ColumnBytes {
  readonly content: Uint8Array;
  readonly frame?: Uint8Array;
}

/** Writes the contents of columns: large ones alone, small neighbours together. */
export function writeSections(out: ByteWriter, columns: readonly ColumnBytes[]): SectionEntry[] {
  const sections: SectionEntry[] = [];
  let small: ColumnBytes[] = [];
  let smallBytes = 0;
  const flush = () => {
    if (small.length > 0) sections.push(writeShared(out, small));
    small = [];
    smallBytes = 0;
  };
  for (const column of columns) {
    const { length } = column.content;
    if (length >= ALONE_BYTES_MIN || smallBytes + length > SHARED_BYTES_MAX) flush();
    if (length >= ALONE_BYTES_MIN) {
      sections.push(writeShared(out, [column]));
      continue;
    }
    small.push(column);
    smallBytes += length;
  }
  flush();
  return sections;
}

function writeShared(out: ByteWriter, columns: readonly ColumnBytes[]): SectionEntry {
  const [first] = columns;
  if (columns.length === 1 && first !== undefined) {
    out.bytes(first.frame ?? first.content);
    return { columns: 1, frameLength: first.frame?.length ?? 0 };
  }
  const length = columns.reduce((sum, { content }) => sum + content.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const { content } of columns) {
    whole.set(content, at);
    at += content.length;
  }
  const frame = zstd.encode(whole, length);
  out.bytes(frame ?? whole);
  return { columns: columns.length, frameLength: frame?.length ?? 0 };
}

/** Where a section stands in a pack, and the contents it holds. */
export interface Section extends SectionEntry {
  /** First byte of the section, from the start of the pack. */
  readonly start: number;
  /** Bytes as they stand. */
  readonly storedLength: number;
  readonly contentLength: number;
  /** Index of the first of its columns, over all columns of the pack. */
  readonly firstColumn: number;
}

/** Places sections one after the other, from the reader's offset to its end. */
export function placeSections(
  input: ByteReader,
  entries: readonly SectionEntry[],
  contentLengths: readonly number[],
): Section[] {
  let firstColumn = 0;
  const sections: Section[] = [];
  for (const { columns, frameLength } of entries) {
    let contentLength = 0;
    for (let column = firstColumn; column < firstColumn + columns; column += 1) {
      contentLength += contentLengths[column] ?? 0;
    }
    if (columns > 1 && contentLength > SHARED_BYTES_MAX) {
      input.fail('6.4', `${contentLength} bytes in a shared section, expected at most ${SHARED_BYTES_MAX}`);
    }
    const storedLength = frameLength > 0 ? frameLength : contentLength;
    if (storedLength > input.remaining) {
      input.fail('6.2', `section of ${storedLength} bytes, ${input.remaining} are left`);
    }
    sections.push({ columns, frameLength, start: input.offset, storedLength, contentLength, firstColumn });
    input.skip(storedLength);
    firstColumn += columns;
  }
  if (input.remaining > 0) input.fail('1.6', `${input.remaining} bytes are left over after the sections`);
  return sections;
}

/** The contents of a section that is a zstd frame; valid until the next call. */
export function unzippedSection(pack: ByteReader, section: Section): Uint8Array {
  const stored = pack.part(section.start, section.start + section.storedLength);
  try {
    return unzstd.decode(stored, section.contentLength);
  } catch (cause) {
    return pack.fail(
      '6.3',
      `section does not decompress to ${section.contentLength} bytes: ${messageOf(cause)}`,
      cause,
    );
  }
}
