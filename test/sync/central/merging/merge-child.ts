/*
 * Merges what a central has of days that are over: prints how many packs were made of others whenever there is one more, and goes on when it is
 * sent a line; to be killed. Argument: the folder of one over SQLite, or the address of the database of one over PostgreSQL.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { openPostgresCentral } from '../../../../sync/central/postgres/postgres-central.ts';
import { openSqliteCentral } from '../../../../sync/central/sqlite-central.ts';

/** How long a lease of one that was killed is in the way of the next, milliseconds. */
const LEASE_MS = 300;

const asked = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const onProblem = (text: string) => process.stderr.write(`${text}\n`);
const [, , place = ''] = process.argv;
const central = await (place.startsWith('postgres:')
  ? openPostgresCentral({ url: place, name: 'hq', onProblem, leaseMs: LEASE_MS, graceMs: 0 })
  : openSqliteCentral(place, 'hq'));
const { merger } = central;
for (let made = 0, isLast = false; !isLast; ) {
  isLast = await merger.step();
  const { into } = merger.status();
  if (into === made) continue;
  made = into;
  writeSync(1, `${made}\n`);
  await asked.next();
}
await central.close();
process.stdin.destroy();
