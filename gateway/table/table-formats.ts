import type { TableSchema, TableWriter } from './column-table.ts';

/** A format that tables are written in. */
export interface TableFormat {
  readonly mediaType: string;
  readonly extension: string;
  /** True where the format compresses by itself. */
  readonly isCompressed: boolean;
  /** Loads what writes it: a gateway that is never asked for a table carries no code for it. */
  readonly open: (schema: TableSchema) => Promise<TableWriter>;
}

export const TABLE_FORMATS = {
  arrow: {
    mediaType: 'application/vnd.apache.arrow.stream',
    extension: 'arrows',
    isCompressed: false,
    open: async (schema) => new (await import('./arrow-writer.ts')).ArrowWriter(schema),
  },
  parquet: {
    mediaType: 'application/vnd.apache.parquet',
    extension: 'parquet',
    isCompressed: true,
    open: async (schema) => new (await import('./parquet-writer.ts')).ParquetWriter(schema),
  },
  csv: {
    mediaType: 'text/csv; charset=utf-8',
    extension: 'csv',
    isCompressed: false,
    open: async (schema) => new (await import('./csv-writer.ts')).CsvWriter(schema),
  },
} as const satisfies Readonly<Record<string, TableFormat>>;

export type TableFormatName = keyof typeof TABLE_FORMATS;

export const TABLE_FORMAT_NAMES = Object.keys(TABLE_FORMATS) as TableFormatName[];

export function isTableFormat(name: string): name is TableFormatName {
  return Object.hasOwn(TABLE_FORMATS, name);
}
