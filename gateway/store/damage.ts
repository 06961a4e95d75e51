import type { Statement } from 'better-sqlite3';
import { CaissonError } from '../errors.ts';

/** What a read gave, or why it could not. */
export type Read<Result> = { readonly value: Result } | { readonly damage: string };

/** Reads what may be damaged: pages that SQLite cannot read, rows that do not decode. Anything else is thrown on. */
export function attempt<Result>(read: () => Result): Read<Result> {
  try {
    return { value: read() };
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined) throw error;
    return { damage };
  }
}

/** The message of an error that tells of damaged bytes; undefined for any other error. */
export function damageOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  if (error instanceof CaissonError)
    return code === 'block-invalid' || code === 'journal-invalid' ? error.message : undefined;
  const isDamage =
    typeof code === 'string' &&
    ['SQLITE_CORRUPT', 'SQLITE_IOERR', 'SQLITE_NOTADB'].some((each) => code.startsWith(each));
  return isDamage ? error.message : undefined;
}

/** Told of what is damaged, each thing once. */
export type OnDamage = (what: string) => void;

/** Rows of a statement that may be damaged in part: those before the damage and, read from the other end, those behind it. */
export function readableRows<Row>(
  forward: Statement,
  backward: Statement,
  args: readonly unknown[],
  onDamage: (damage: string) => void,
): Row[] {
  const read = attempt(() => forward.all(...args) as Row[]);
  if ('value' in read) return read.value;
  onDamage(read.damage);
  return [...rowsUntilDamage<Row>(forward, args), ...rowsUntilDamage<Row>(backward, args).reverse()];
}

function rowsUntilDamage<Row>(statement: Statement, args: readonly unknown[]): Row[] {
  const rows: Row[] = [];
  attempt(() => {
    for (const row of statement.iterate(...args)) rows.push(row as Row);
  });
  return rows;
}
