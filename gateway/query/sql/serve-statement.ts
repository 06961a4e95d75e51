import process from 'node:process';
import { CaissonError } from '../../errors.ts';
import { BATCH_ROWS, BATCH_UNITS, BATCHES_MAX, type FromSql, type SqlRequest, type ToSql } from './sql-messages.ts';
import { SqlStatement } from './sql-statement.ts';
import type { SqlCell } from './sql-value.ts';
import type { SqlStore } from './store-tables.ts';

/** Milliseconds a batch waits for more rows: a slow statement shows what it has. */
const BATCH_MS = 200;

/** A store that statements read, and what lets go of it. */
export interface OpenedSqlStore extends SqlStore {
  close(): void;
}

/** Opens the store of a place. @param notice told of what may be why a result is not what was expected */
export type OpenSqlStore = (place: string, notice: (text: string) => void) => OpenedSqlStore;

/**
 * Makes this process that of one SQL statement. SQLite, once it computes, cannot be interrupted from JavaScript, not even by the
 * end of its thread; a process can be ended, whatever it does, and its memory is its own.
 */
export function serveStatement(open: OpenSqlStore): void {
  const serving = new StatementProcess(open);
  process.on('message', (message: ToSql) => serving.take(message));
  process.once('disconnect', () => process.exit());
}

class StatementProcess {
  readonly #open: OpenSqlStore;
  #taken = 0;
  #wake = () => {};
  #said: Promise<void> = Promise.resolve();

  constructor(open: OpenSqlStore) {
    this.#open = open;
  }

  take(message: ToSql): void {
    if (message.kind === 'run') void this.#run(message);
    else {
      this.#taken += 1;
      this.#wake();
    }
  }

  async #run(request: SqlRequest): Promise<void> {
    try {
      await this.#answer(request);
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      const { code, message, hint } = error;
      this.#say({ kind: 'failed', code, message, hint });
    }
    await this.#said;
    process.disconnect();
  }

  async #answer({ place, sql, parameters, now }: SqlRequest): Promise<void> {
    const notice = (text: string) => this.#say({ kind: 'notice', text });
    const store = this.#open(place, notice);
    const progress = (read: { samples: number; channels: number }) => this.#say({ kind: 'progress', ...read });
    const statement = new SqlStatement(store, sql, now, { notice, progress });
    try {
      this.#say({ kind: 'columns', columns: statement.columns });
      let sent = 0;
      for (const rows of batches(statement.rows(parameters))) {
        while (sent - this.#taken >= BATCHES_MAX) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        this.#say({ kind: 'rows', rows });
        sent += 1;
      }
      this.#say({ kind: 'done', ...statement.meter.read() });
    } finally {
      statement.close();
      store.close();
    }
  }

  /** What was said is on its way at once; `said` resolves when the last of it left this process. */
  #say(message: FromSql): void {
    this.#said = new Promise((resolve) => {
      process.send?.(message, undefined, undefined, () => resolve());
    });
  }
}

function* batches(rows: Iterable<SqlCell[]>): IterableIterator<SqlCell[][]> {
  let batch: SqlCell[][] = [];
  let units = 0;
  let began = performance.now();
  for (const row of rows) {
    batch.push(row);
    for (const cell of row) units += typeof cell === 'string' || cell instanceof Uint8Array ? cell.length : 0;
    const isFull = batch.length >= BATCH_ROWS || units >= BATCH_UNITS;
    if (!isFull && performance.now() - began < BATCH_MS) continue;
    yield batch;
    batch = [];
    units = 0;
    began = performance.now();
  }
  if (batch.length > 0) yield batch;
}
