import { messageOf } from '../../errors.ts';
import type { ByteReader, ByteWriter } from '../bytes.ts';
import { ZstdDecoder } from '../zstd.ts';
import { type ColumnKind, decodeColumn, type EncodedColumn, encodingOf } from './column.ts';

/** A column as it stands in a block (BLOCK-4): the number of its encoding, its length and its content. */

/** Set in the encoding byte where the content is a zstd frame. */
const COMPRESSED = 0x80;

const unzstd = new ZstdDecoder();

export function writeColumn(out: ByteWriter, { id, content, frame }: EncodedColumn): void {
  const stored = frame ?? content;
  out.u8(frame === undefined ? id : id | COMPRESSED);
  out.varint(stored.length);
  if (frame !== undefined) out.varint(content.length);
  out.bytes(stored);
}

/** What stands in a column, before its values are read. */
export interface ColumnContent {
  /** Number of the encoding. */
  readonly id: number;
  readonly compressed: boolean;
  readonly content: ByteReader;
}

/** Reads the frame of a column; memory is bounded by `contentBytesMax`, whatever the bytes claim. */
export function openColumn<Values>(
  input: ByteReader,
  kind: ColumnKind<Values>,
  contentBytesMax: number,
): ColumnContent {
  const head = input.u8();
  const id = head & ~COMPRESSED;
  encodingOf(kind, id, input);
  const compressed = (head & COMPRESSED) !== 0;
  const length = input.varintUpTo(input.remaining, '4.3', 'length of a column');
  if (!compressed) {
    if (length > contentBytesMax) input.fail('4.5', `content is ${length} bytes, expected at most ${contentBytesMax}`);
    return { id, compressed, content: input.over(input.take(length)) };
  }
  const contentLength = input.varintUpTo(contentBytesMax, '4.5', 'content length of a column');
  const frame = input.take(length);
  try {
    return { id, compressed, content: input.over(unzstd.decode(frame, contentLength)) };
  } catch (cause) {
    return input.fail('4.4', `column does not decompress to ${contentLength} bytes: ${messageOf(cause)}`, cause);
  }
}

/** Reads the values of a column. */
export function readColumn<Values>(
  input: ByteReader,
  kind: ColumnKind<Values>,
  count: number,
  contentBytesMax: number,
): Values {
  const { id, content } = openColumn(input, kind, contentBytesMax);
  return decodeColumn(kind, id, content, count);
}
