import { encodingOf } from '../block/column.ts';
import { NUMBER_ENCODINGS } from '../block/number-column.ts';
import { TEXT_ENCODINGS } from '../block/text-column.ts';
import { TIME_ENCODINGS } from '../block/time-column.ts';
import { ByteReader } from '../bytes.ts';
import { Pack } from './pack.ts';

/** How a column was written. */
export interface ColumnDescription {
  readonly encoding: string;
  /** Bytes before zstd. */
  readonly contentBytes: number;
}

export interface PackDescription {
  readonly times: readonly ColumnDescription[];
  readonly values: readonly ColumnDescription[];
  /** Bytes as they stand and before zstd; `columns` of them share the section. */
  readonly sections: readonly {
    readonly columns: number;
    readonly storedBytes: number;
    readonly contentBytes: number;
  }[];
  /** Bytes of all but the sections. */
  readonly directoryBytes: number;
}

/** How a pack was written: for measuring and diagnosis. Throws CaissonError `block-invalid`. */
export function describePack(bytes: Uint8Array): PackDescription {
  const { directory, sections } = Pack.open(bytes);
  const input = new ByteReader(bytes, 'block-invalid', 'BLOCK');
  const stored = sections.reduce((sum, { storedLength }) => sum + storedLength, 0);
  return {
    times: directory.times.map(({ encoding, contentLength }) => ({
      encoding: encodingOf(TIME_ENCODINGS, encoding, input).name,
      contentBytes: contentLength,
    })),
    values: directory.blocks.map(({ type, encoding, contentLength }) => ({
      encoding: (type === 'text'
        ? encodingOf(TEXT_ENCODINGS, encoding, input)
        : encodingOf(NUMBER_ENCODINGS, encoding, input)
      ).name,
      contentBytes: contentLength,
    })),
    sections: sections.map(({ columns, storedLength, contentLength }) => ({
      columns,
      storedBytes: storedLength,
      contentBytes: contentLength,
    })),
    directoryBytes: bytes.length - stored,
  };
}
