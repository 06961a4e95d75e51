import { CaissonError, messageOf } from '../../errors.ts';
import { nearest } from '../../nearest.ts';
import { SQL_FUNCTIONS } from './sql-functions.ts';
import { tokensOf } from './sql-tokens.ts';
import { SQL_TABLES } from './store-tables.ts';

const TABLES = Object.keys(SQL_TABLES);
const COLUMNS = [
  ...new Set(
    Object.values(SQL_TABLES).flatMap((table) => [
      ...table.columns,
      ...('parameters' in table ? table.parameters : []),
    ]),
  ),
];
const FUNCTIONS = Object.keys(SQL_FUNCTIONS).map((call) => call.slice(0, call.indexOf('(')));

/** What is met in SQLite's messages, what it may have been meant to be, and how to list that. */
const CASES: readonly { readonly pattern: RegExp; readonly known: readonly string[]; readonly all?: string }[] = [
  { pattern: /^no such table: (?:.*\.)?(.+)$/, known: TABLES, all: `tables are ${TABLES.join(', ')}` },
  { pattern: /^no such column: (?:.*\.)?(.+?)(?: - should this be.*)?$/, known: COLUMNS },
  { pattern: /^no such function: (.+)$/, known: FUNCTIONS },
  { pattern: /^near "([\s\S]+)": syntax error$/, known: [] },
];

/** What SQLite refused, with its place in the statement and the nearest name. */
export function describeSqlError(sql: string, error: unknown): CaissonError {
  if (error instanceof CaissonError) return error;
  const message = messageOf(error);
  for (const { pattern, known, all } of CASES) {
    const met = pattern.exec(message)?.[1];
    if (met === undefined) continue;
    const [similar] = nearest(met, known, 1);
    const hint = similar === undefined ? all : `did you mean ${similar}?`;
    const place = placeOf(sql, met);
    return new CaissonError('query-invalid', `${place === undefined ? '' : `${place}: `}${message}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return new CaissonError('query-invalid', message, { cause: error });
}

/** `line:column` of the only token that is this text; undefined where there are several. */
function placeOf(sql: string, text: string): string | undefined {
  const wanted = text.toLowerCase();
  const found = (tokensOf(sql) ?? []).filter(({ key, text: own }) => key === wanted || own === text);
  const [first] = found;
  if (first === undefined || found.length > 1) return undefined;
  const before = sql.slice(0, first.start).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
