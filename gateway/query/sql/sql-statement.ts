import Database from 'better-sqlite3';
import { CaissonError, messageOf } from '../../errors.ts';
import { COLUMN_KINDS, type SqlColumnKind } from './column-kinds.ts';
import { narrowedStatements } from './narrow-statement.ts';
import { describeSqlError } from './sql-error.ts';
import { addSqlFunctions } from './sql-functions.ts';
import { type SqlListener, SqlMeter } from './sql-meter.ts';
import { tokensOf } from './sql-tokens.ts';
import type { SqlCell, SqlValue } from './sql-value.ts';
import { addStoreTables, READ_ONCE, type SqlStore } from './store-tables.ts';

/** Values of parameters by name: of `:name` it is `name`, of `?1` it is `1`. */
export type SqlParameters = Readonly<Record<string, SqlValue>>;

export interface SqlColumn {
  readonly name: string;
  /** True for a column of a table that is a time, UTC in microseconds; what is computed is not known to be one. */
  readonly isTime: boolean;
  /** Of a column of a table; what is computed may hold anything. */
  readonly kind?: SqlColumnKind;
}

const TIME_COLUMNS = new Set(['time', 'since', 'until', 'made']);

/** Words that a statement which only reads can begin with. */
const BEGINNINGS = new Set(['select', 'with', 'values', 'explain']);

/** KiB of SQLite's cache for what a statement sorts and groups. */
const CACHE_KIB = 16 * 1024;

/**
 * One statement over a store. It runs in a database of its own, in memory, which has nothing but the store's tables: there
 * is nothing in it to write to.
 */
export class SqlStatement {
  readonly meter: SqlMeter;
  readonly columns: readonly SqlColumn[];
  readonly #db: Database.Database;
  readonly #statement: Database.Statement;
  readonly #release: () => void;

  /**
   * @param now the present, UTC, microseconds
   * @throws CaissonError `query-invalid`, saying where and what was meant
   */
  constructor(store: SqlStore, sql: string, now: number, listener: SqlListener = {}) {
    requireReading(sql);
    this.meter = new SqlMeter(listener);
    this.#db = new Database(':memory:');
    this.#db.pragma('temp_store = MEMORY');
    this.#db.pragma(`cache_size = -${CACHE_KIB}`);
    addSqlFunctions(this.#db, now);
    this.#release = addStoreTables(this.#db, store, this.meter);
    this.#db.pragma('query_only = ON');
    try {
      this.#statement = prepare(this.#db, sql);
      this.columns = this.#statement.columns().map(({ name, column }) => {
        const kind = column === null ? undefined : COLUMN_KINDS.get(column);
        return { name, isTime: column !== null && TIME_COLUMNS.has(column), ...(kind !== undefined && { kind }) };
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** @throws CaissonError `query-invalid` for parameters that do not fit, and for what only running it shows */
  *rows(parameters: SqlParameters = {}): IterableIterator<SqlCell[]> {
    try {
      for (const row of this.#statement.iterate(...bindings(parameters))) yield (row as unknown[]).map(cellOf);
    } catch (error) {
      if (error instanceof CaissonError) throw error;
      throw new CaissonError('query-invalid', messageOf(error), { cause: error });
    }
  }

  close(): void {
    this.#db.close();
    this.#release();
  }
}

function prepare(db: Database.Database, sql: string): Database.Statement {
  for (const text of narrowedStatements(sql, READ_ONCE)) {
    try {
      const statement = db.prepare(text);
      if (!statement.readonly || !statement.reader) break;
      return statement.raw(true).safeIntegers(true);
    } catch (error) {
      if (text === sql) throw describeSqlError(sql, error);
    }
  }
  throw new CaissonError('query-invalid', 'the statement would write', {
    hint: 'only SELECT, WITH and VALUES are run',
  });
}

function requireReading(sql: string): void {
  const tokens = tokensOf(sql);
  const first = tokens?.[0]?.key ?? '';
  if (tokens === undefined || BEGINNINGS.has(first)) return;
  const problem = first === '' ? 'the statement is empty' : `a statement that begins with ${first.toUpperCase()}`;
  throw new CaissonError('query-invalid', problem, { hint: 'only SELECT, WITH, VALUES and EXPLAIN are run' });
}

function bindings(parameters: SqlParameters): unknown[] {
  // A whole number is INTEGER, which a JavaScript number would not become.
  const values = Object.entries(parameters).map(([name, value]) => [
    name,
    Number.isInteger(value) ? BigInt(value as number) : value,
  ]);
  return values.length === 0 ? [] : [Object.fromEntries(values)];
}

function cellOf(value: unknown): SqlCell {
  if (typeof value !== 'bigint') return value as SqlCell;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
