import type { SqlPlace } from '../../../gateway/query/sql/sql-messages.ts';
import { siblingScript } from '../../../gateway/supervised-worker.ts';

/** Where a store is that is given as text: true for an address of a database. */
export function isDatabaseUrl(place: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(place);
}

/** What statements over a database of central's blocks read. @param url `postgres://user@host:port/database` */
export function databasePlace(url: string): SqlPlace {
  return { place: url, script: siblingScript(import.meta.url, './sql-process') };
}
