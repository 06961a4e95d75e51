import { copyFileSync, existsSync, mkdirSync, statSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PublishedWriter } from '../journal/published.ts';
import { pagesOf } from '../journal/record.ts';
import { listSegments } from '../journal/segment-files.ts';
import { SegmentReader } from '../journal/segment-reader.ts';

/**
 * Copies the segments of a journal that may be written to meanwhile. What is acknowledged before this begins is in the
 * copy, or in a block by the time it ends: so blocks are to be copied afterwards. What was half written when it was copied is
 * the torn end that a power cut leaves, and costs as much.
 *
 * @returns bytes copied
 */
export function copyJournal(from: string, to: string): number {
  if (!existsSync(from)) return 0;
  mkdirSync(to);
  let bytes = 0;
  for (const { path } of listSegments(from)) {
    const copy = join(to, basename(path));
    const before = inodeOf(path);
    if (before === undefined) continue;
    try {
      copyFileSync(path, copy);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      continue;
    }
    // Recycled meanwhile: all of its rows are in blocks, and the copy may hold parts of two lives.
    if (inodeOf(path) === before) bytes += statSync(copy).size;
    else unlinkSync(copy);
  }
  publishAll(to);
  return bytes;
}

/** Readers show the newest record of a copy too: it is on disk, as all of the copy. */
function publishAll(dir: string): void {
  let row = 0;
  for (const file of listSegments(dir)) {
    const reader = new SegmentReader(file);
    for (
      let found = reader.find(0);
      found !== undefined;
      found = reader.find(found.at + pagesOf(found.record.length))
    ) {
      row = Math.max(row, found.record.row);
    }
    reader.close();
  }
  if (row === 0) return;
  const published = new PublishedWriter(dir);
  published.write(row);
  published.close();
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
