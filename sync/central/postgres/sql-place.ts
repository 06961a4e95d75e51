import { ownScript } from '../../../gateway/own-file.ts';
import type { SqlPlace } from '../../../gateway/query/sql/sql-messages.ts';

/** Where a store is that is given as text: true for an address of a database. */
export function isDatabaseUrl(place: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(place);
}

/** What statements over a database of central's blocks read. @param url `postgres://user@host:port/database` */
export function databasePlace(url: string): SqlPlace {
  return { place: url, script: ownScript('sync/central/postgres/sql-process') };
}
