/*
 * DuckDB, in memory, to write and query Parquet. Columns: channel (INTEGER), time (BIGINT, microseconds), value (DOUBLE).
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DOUBLE, type DuckDBConnection, DuckDBDataChunk, DuckDBInstance, INTEGER } from '@duckdb/node-api';
import type { Columns } from '../drive.ts';

/** Rows that DuckDB takes at a time. */
const CHUNK_ROWS = 2048;

/** A DuckDB with a folder for its files. */
export class ParquetStore {
  readonly #instance: DuckDBInstance;
  readonly #folder: string;
  readonly connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.connection = connection;
    this.#folder = mkdtempSync(join(tmpdir(), 'caisson-bench-parquet-'));
  }

  static async open(): Promise<ParquetStore> {
    const instance = await DuckDBInstance.create(':memory:');
    return new ParquetStore(instance, await instance.connect());
  }

  /** Makes table `samples` of the columns, `channel` being their index. */
  async load(channels: readonly Columns[]): Promise<void> {
    await this.connection.run('CREATE OR REPLACE TABLE loaded (channel INTEGER, time DOUBLE, value DOUBLE)');
    const appender = await this.connection.createAppender('loaded');
    for (const [channel, { times, values }] of channels.entries()) {
      for (let from = 0; from < times.length; from += CHUNK_ROWS) {
        const rows = Math.min(CHUNK_ROWS, times.length - from);
        const chunk = DuckDBDataChunk.create([INTEGER, DOUBLE, DOUBLE], rows);
        chunk.setColumnValues(0, new Array<number>(rows).fill(channel));
        chunk.setColumnValues(1, Array.from(times.subarray(from, from + rows)));
        chunk.setColumnValues(2, Array.from(values.subarray(from, from + rows)));
        appender.appendDataChunk(chunk);
      }
    }
    appender.closeSync();
    await this.connection.run(
      'CREATE OR REPLACE TABLE samples AS SELECT channel, time::BIGINT AS time, value FROM loaded',
    );
    await this.connection.run('DROP TABLE loaded');
  }

  /** Writes `query` as Parquet version 2, zstd; returns the file's path. */
  async write(query: string): Promise<string> {
    const path = join(this.#folder, 'samples.parquet');
    await this.connection.run(`COPY (${query}) TO '${path}' (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION V2)`);
    return path;
  }

  close(): void {
    this.connection.closeSync();
    this.#instance.closeSync();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Bytes of the columns as one Parquet file, sorted by channel and time; throws unless the file holds them, bit by bit. */
export async function parquetBytes(channels: readonly Columns[]): Promise<number> {
  const store = await ParquetStore.open();
  try {
    await store.load(channels);
    const path = await store.write('SELECT * FROM samples ORDER BY channel, time');
    await requireSameRows(store.connection, path, channels);
    return statSync(path).size;
  } finally {
    store.close();
  }
}

async function requireSameRows(
  connection: DuckDBConnection,
  path: string,
  channels: readonly Columns[],
): Promise<void> {
  const found = await connection.stream(`SELECT channel, time::DOUBLE, value FROM '${path}' ORDER BY channel, time`);
  const met = new Uint32Array(channels.length);
  for (;;) {
    const chunk = await found.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    const [ids, times, values] = [0, 1, 2].map((column) => chunk.getColumnValues(column) as number[]);
    for (let i = 0; i < chunk.rowCount; i += 1) {
      const id = ids?.[i] as number;
      const row = met[id] as number;
      const columns = channels[id];
      if (columns?.times[row] !== times?.[i] || !Object.is(columns?.values[row], values?.[i])) {
        throw new Error(`channel ${id}, row ${row}: Parquet holds ${values?.[i]} at ${times?.[i]}`);
      }
      met[id] = row + 1;
    }
  }
  for (const [id, { times }] of channels.entries()) {
    if (met[id] !== times.length) throw new Error(`channel ${id}: ${times.length} rows, Parquet holds ${met[id]}`);
  }
}
