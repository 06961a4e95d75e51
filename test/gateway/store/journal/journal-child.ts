import { Buffer } from 'node:buffer';
import { writeSync } from 'node:fs';
import process from 'node:process';
import { Journal } from '../../../../gateway/store/journal/journal.ts';

/** Commits rows until it is killed, trims now and then, and writes the id of every row that is on disk to stdout. */
const [dir = '', boot = ''] = process.argv.slice(2);
const journal = Journal.open(dir, { boots: new Set([boot]), segmentBytes: 64 * 4096 });
for (;;) {
  const row = journal.nextRow;
  journal.append({ boot, ringEnd: row, bytes: Buffer.from('r'.repeat((row * 37) % 9000)) }, []);
  writeSync(1, `${row}\n`);
  if (row % 50 === 0) journal.trimBefore(row - 100);
  journal.prepare();
}
