import { cpus, loadavg, release, totalmem } from 'node:os';
import process from 'node:process';
import Database from 'better-sqlite3';

/** What the figures were measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly system: string;
  readonly node: string;
  readonly sqlite: string;
  /** Of the minute before: above the number of cores, others were at work and times are too long. */
  readonly load: number;
}

export function machine(): Machine {
  const all = cpus();
  const db = new Database(':memory:');
  const sqlite = String(db.prepare('SELECT sqlite_version()').pluck().get());
  db.close();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    sqlite,
    load: loadavg()[0] ?? 0,
  };
}
