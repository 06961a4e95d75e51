/**
 * The process of one SQL statement. SQLite, once it computes, cannot be interrupted from JavaScript, not even by the end of its
 * thread; a process can be ended, whatever it does, and its memory is its own.
 */
import process from 'node:process';
import { CaissonError } from '../../errors.ts';
import { BlockReader } from '../../store/block-reader.ts';
import { storePaths } from '../../store/store-dir.ts';
import { OPENED_BYTES_FEW } from '../opened-packs.ts';
import { StoreTelemetry } from '../store-telemetry.ts';
import { BATCH_ROWS, BATCH_UNITS, BATCHES_MAX, type FromSql, type SqlRequest, type ToSql } from './sql-messages.ts';
import { SqlStatement } from './sql-statement.ts';
import type { SqlCell } from './sql-value.ts';

/** Milliseconds a batch waits for more rows: a slow statement shows what it has. */
const BATCH_MS = 200;

let taken = 0;
let wake = () => {};
let said: Promise<void> = Promise.resolve();

process.on('message', (message: ToSql) => {
  if (message.kind === 'run') void run(message);
  else {
    taken += 1;
    wake();
  }
});
process.once('disconnect', () => process.exit());

async function run(request: SqlRequest): Promise<void> {
  try {
    await answer(request);
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    const { code, message, hint } = error;
    say({ kind: 'failed', code, message, hint });
  }
  await said;
  process.disconnect();
}

async function answer({ dir, sql, parameters, now }: SqlRequest): Promise<void> {
  const notice = (text: string) => say({ kind: 'notice', text });
  const telemetry = StoreTelemetry.open(dir, notice, OPENED_BYTES_FEW);
  const blocks = BlockReader.openReadonly(storePaths(dir).blocks);
  const progress = (read: { samples: number; channels: number }) => say({ kind: 'progress', ...read });
  const statement = new SqlStatement({ telemetry, blocks }, sql, now, { notice, progress });
  try {
    say({ kind: 'columns', columns: statement.columns });
    let sent = 0;
    for (const rows of batches(statement.rows(parameters))) {
      while (sent - taken >= BATCHES_MAX) await new Promise<void>((resolve) => (wake = resolve));
      say({ kind: 'rows', rows });
      sent += 1;
    }
    say({ kind: 'done', ...statement.meter.read() });
  } finally {
    statement.close();
    blocks.close();
    telemetry.close();
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

/** What was said is on its way at once; `said` resolves when the last of it left this process. */
function say(message: FromSql): void {
  said = new Promise((resolve) => {
    process.send?.(message, undefined, undefined, () => resolve());
  });
}
