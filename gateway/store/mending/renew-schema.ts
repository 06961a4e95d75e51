import { Buffer } from 'node:buffer';
import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { writeWhole } from '../../durable-files.ts';
import { BlockDb } from '../block-db.ts';
import { DATABASE_PAGE_BYTES } from '../database.ts';
import { storePaths } from '../store-dir.ts';

/** Where in the first page stand the number of changes, and that at which the number of pages was right. */
const CHANGES_AT = 24;
const PAGES_AT = 28;
const FREE_PAGES_AT = 32;
const VALID_AT = 92;

/** Files beside the damaged database: one to learn from, and its own pages that were replaced. */
const MODEL = 'model.db';
const REPLACED = 'blocks.db-replaced';

/**
 * Gives a damaged database whose tables cannot be looked up the pages that say where they are, as a new one has them: every store makes
 * the same tables in the same order, so that each begins at the same page. Where the first page is lost, as the one that each checkpoint
 * writes, that is the whole difference between all and nothing. What stood there before is kept in a file beside it.
 *
 * @param dir where it was set aside: nobody else opens it
 */
export function renewSchema(dir: string): void {
  const model = join(dir, MODEL);
  remove(model);
  BlockDb.open(model).close();
  const db = new Database(model, { readonly: true });
  const pages = db.prepare("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema' ORDER BY pageno").pluck().all();
  db.close();
  const [from, to] = [openSync(model, 'r'), openSync(storePaths(dir).blocks, 'r+')];
  try {
    const { size } = fstatSync(to);
    if (size < fstatSync(from).size) return;
    const before = Buffer.alloc(Math.max(...(pages as number[])) * DATABASE_PAGE_BYTES);
    readSync(to, before, 0, before.length, 0);
    if (!existsSync(join(dir, REPLACED))) writeWhole(join(dir, REPLACED), before, 0o600);
    for (const page of pages as number[]) {
      const bytes = Buffer.alloc(DATABASE_PAGE_BYTES);
      const at = (page - 1) * DATABASE_PAGE_BYTES;
      readSync(from, bytes, 0, bytes.length, at);
      if (page === 1) countPages(bytes, Math.floor(size / DATABASE_PAGE_BYTES));
      writeSync(to, bytes, 0, bytes.length, at);
    }
    fsyncSync(to);
  } finally {
    closeSync(from);
    closeSync(to);
    remove(model);
  }
}

/** Which of them are free is not known, and nobody writes here. */
function countPages(first: Buffer, pages: number): void {
  first.writeUInt32BE(pages, PAGES_AT);
  first.writeUInt32BE(first.readUInt32BE(CHANGES_AT), VALID_AT);
  first.fill(0, FREE_PAGES_AT, FREE_PAGES_AT + 8);
}

function remove(model: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(model + end, { force: true });
}
