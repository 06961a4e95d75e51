/**
 * The control arm of the power cuts: better-sqlite3 as it comes, which in WAL does not sync a commit. It says `acked N`
 * after each, like the writer of the real store, and must be seen to lose some.
 *
 * usage: weak-writer.js DIR [count]   writes until the power is cut, or prints how many rows are there, in order
 */
import { mkdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';

const [dir = '', mode] = process.argv.slice(2);
mkdirSync(dir, { recursive: true });
const db = new Database(join(dir, 'weak.db'));
db.pragma('journal_mode = WAL');
db.exec('CREATE TABLE IF NOT EXISTS acked (n INTEGER PRIMARY KEY, bytes BLOB)');
if (mode === 'count') {
  process.stdout.write(`kept ${db.prepare('SELECT COUNT(*) FROM acked').pluck().get()}\n`);
} else {
  const insert = db.prepare('INSERT INTO acked VALUES (?, ?)');
  for (let n = Number(db.prepare('SELECT COUNT(*) FROM acked').pluck().get()); ; n += 1) {
    insert.run(n, new Uint8Array(200).fill(n));
    writeSync(1, `acked ${n}\n`);
    await pause(2);
  }
}
