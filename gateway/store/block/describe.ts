import type { ByteReader } from '../bytes.ts';
import { numberContentMax, textContentMax } from './block.ts';
import { type ColumnKind, encodingOf } from './column.ts';
import { openChecked, readHeader } from './header.ts';
import { NUMBER_ENCODINGS } from './number-column.ts';
import { openColumn } from './stored-column.ts';
import { TEXT_ENCODINGS } from './text-column.ts';
import { TIME_ENCODINGS } from './time-column.ts';

/** How a column was written. */
export interface ColumnDescription {
  readonly encoding: string;
  readonly compressed: boolean;
  /** Bytes of the content in the block, and before zstd. */
  readonly storedBytes: number;
  readonly contentBytes: number;
}

/** How a block was written: for measuring and diagnosis. Throws CaissonError `block-invalid`. */
export function describeBlock(bytes: Uint8Array): { times: ColumnDescription; values: ColumnDescription } {
  const input = openChecked(bytes);
  const { type, count } = readHeader(input);
  const times = describe(input, TIME_ENCODINGS, numberContentMax(count));
  const values =
    type === 'text'
      ? describe(input, TEXT_ENCODINGS, textContentMax(count))
      : describe(input, NUMBER_ENCODINGS, numberContentMax(count));
  return { times, values };
}

function describe<Values>(input: ByteReader, kind: ColumnKind<Values>, contentBytesMax: number): ColumnDescription {
  const start = input.offset;
  const { id, compressed, content } = openColumn(input, kind, contentBytesMax);
  return {
    encoding: encodingOf(kind, id, input).name,
    compressed,
    storedBytes: input.offset - start,
    contentBytes: content.remaining,
  };
}
