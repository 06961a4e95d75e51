import type { Database } from 'better-sqlite3';
import { CaissonError } from '../../errors.ts';
import { durationFromText, utcFromText, utcText } from '../../utc-text.ts';

/** Functions that statements have beside SQLite's own, by an example of each. */
export const SQL_FUNCTIONS = {
  "utc('2025-06-01T12:00:00Z')": 'microseconds of an ISO 8601 time, UTC where it has no zone',
  "ago('5m')": 'microseconds of the moment so long ago: us, ms, s, m, h or d',
  'now()': 'microseconds of the present, the same in all of a statement',
  'iso(time)': 'a time as text, 2025-06-01T12:00:00.000000Z',
} as const;

/** Adds the functions for times. @param now the present, UTC, microseconds */
export function addSqlFunctions(db: Database, now: number): void {
  // With NULL in, NULL comes out, as of SQLite's own.
  const add = (name: string, read: (value: unknown) => bigint | string | null) =>
    db.function(name, { deterministic: true }, (value: unknown) => (value === null ? null : read(value)));
  db.function('now', { deterministic: true }, () => BigInt(now));
  add('utc', (text) => BigInt(timeOf(String(text))));
  add('ago', (text) => BigInt(now - durationOf(String(text))));
  add('iso', (time) => utcText(Number(time)) ?? null);
}

function timeOf(text: string): number {
  const us = utcFromText(text);
  if (us !== undefined) return us;
  throw new CaissonError('query-invalid', `utc('${text}') is no time`, {
    hint: "expected ISO 8601 such as utc('2025-06-01T12:00:00Z')",
  });
}

function durationOf(text: string): number {
  const us = durationFromText(text);
  if (us !== undefined) return us;
  throw new CaissonError('query-invalid', `ago('${text}') is no duration`, {
    hint: "expected a number and us, ms, s, m, h or d, such as ago('90s')",
  });
}
