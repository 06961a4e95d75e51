import { Buffer } from 'node:buffer';
import Database from 'better-sqlite3';
import { addSqlFunctions } from '../../../../gateway/query/sql/sql-functions.ts';
import type { SqlRead } from '../../../../gateway/query/sql/sql-meter.ts';
import { type SqlParameters, SqlStatement } from '../../../../gateway/query/sql/sql-statement.ts';
import type { SqlCell } from '../../../../gateway/query/sql/sql-value.ts';
import type { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { BlockReader } from '../../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { StoreRig } from '../../store/store-rig.ts';

/** The present of every statement here. */
export const NOW = 1000;

export interface SqlResult {
  readonly rows: SqlCell[][];
  readonly read: SqlRead;
  readonly notices: readonly string[];
}

/** A store that statements are run over, in this process. */
export class SqlRig {
  readonly store: StoreRig;
  readonly #telemetry: StoreTelemetry;
  readonly #blocks: BlockReader;

  /** @param fill writes samples: by channel, the first of which is 1 */
  constructor(names: readonly string[], fill: (store: StoreRig) => void) {
    this.store = new StoreRig(names, 1 << 15);
    fill(this.store);
    this.#telemetry = this.store.telemetry();
    this.#blocks = BlockReader.openReadonly(storePaths(this.store.dir).blocks);
  }

  run(sql: string, parameters?: SqlParameters): SqlResult {
    const notices: string[] = [];
    const store = { telemetry: this.#telemetry, blocks: this.#blocks };
    const statement = new SqlStatement(store, sql, NOW, { notice: (text) => notices.push(text) });
    try {
      return { rows: [...statement.rows(parameters)], read: statement.meter.read(), notices };
    } finally {
      statement.close();
    }
  }

  /** A database of SQLite's own tables with the same samples: what statements are held against. */
  oracle(): Database.Database {
    const db = new Database(':memory:');
    addSqlFunctions(db, NOW);
    for (const table of ['samples', 'channels', 'gaps']) {
      const { columns, rows } = this.#all(table);
      db.exec(`CREATE TABLE ${table} (${columns.map((name) => `"${name}"`).join(', ')})`);
      const insert = db.prepare(`INSERT INTO ${table} VALUES (${columns.map(() => '?').join(', ')})`);
      for (const row of rows)
        insert.run(...row.map((cell) => (Number.isInteger(cell) ? BigInt(cell as number) : cell)));
    }
    return db;
  }

  #all(table: string): { columns: string[]; rows: SqlCell[][] } {
    const store = { telemetry: this.#telemetry, blocks: this.#blocks };
    const statement = new SqlStatement(store, `SELECT * FROM ${table}`, NOW);
    const all = { columns: statement.columns.map(({ name }) => name), rows: [...statement.rows()] };
    statement.close();
    return all;
  }

  dispose(): void {
    this.#blocks.close();
    this.#telemetry.close();
    this.store.dispose();
  }
}

/** Four channels with late samples, blocks and a tail: channel `i` has values of `100 i`, times of about 0 to 400. */
export const FOUR_CHANNELS = ['car7/rpm', 'car7/speed', 'car8/rpm', 'pit/text'];

export function fillFour(store: StoreRig): void {
  for (let block = 0; block < 4; block += 1) {
    for (let i = 0; i < 20; i += 1) {
      // Every seventh sample comes late.
      const time = block * 100 + i * 5 - (i % 7 === 6 ? 60 : 0);
      for (const channel of [1, 2, 3]) store.ring.writeSample(channel, time + channel, channel * 100 + block * 20 + i);
      store.ring.writeText(4, time, Buffer.from(`lap ${block}`));
    }
    store.commit();
    if (block < 3) store.sealAll();
  }
}
