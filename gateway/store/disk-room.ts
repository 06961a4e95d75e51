import { statfsSync } from 'node:fs';

/** Room of a disk, bytes. */
export interface DiskRoom {
  readonly totalBytes: number;
  /** What this process may still write. */
  readonly freeBytes: number;
}

/** Room of the disk that holds `dir`. Costs a few microseconds: the kernel has the figures in memory. */
export function diskRoom(dir: string): DiskRoom {
  const { blocks, bavail, bsize } = statfsSync(dir);
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
}

/** True for the error of a write that had no room: of a file, or of SQLite, which rolled back what it belonged to. */
export function isFull(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL';
}

/** True for an error of the disk or its file system, which may be over later: no room, a fault, not writable. */
export function isDiskTrouble(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return isFull(error) || code === 'EIO' || code === 'EROFS' || (typeof code === 'string' && SQLITE_DISK.test(code));
}

const SQLITE_DISK = /^SQLITE_(IOERR|READONLY)/;
