/*
 * Merges what a central over SQLite has of days that are over: prints how many packs were made of others whenever there is one more, and
 * goes on when it is sent a line; to be killed. Argument: the folder.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { openSqliteCentral } from '../../../../sync/central/sqlite-central.ts';

const asked = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const central = openSqliteCentral(process.argv[2] ?? '', 'hq');
const { merger } = central;
if (merger === undefined) throw new Error('it does not merge');
for (let made = 0, isLast = false; !isLast; ) {
  isLast = merger.step();
  const { into } = merger.status();
  if (into === made) continue;
  made = into;
  writeSync(1, `${made}\n`);
  await asked.next();
}
await central.close();
process.stdin.destroy();
