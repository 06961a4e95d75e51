import { existsSync } from 'node:fs';
import { listSegments } from './segment-files.ts';
import { SegmentReader } from './segment-reader.ts';

/** True where a journal has a record, of whatever store. */
export function hasRecords(dir: string): boolean {
  if (!existsSync(dir)) return false;
  return listSegments(dir).some((file) => {
    const reader = new SegmentReader(file);
    try {
      return reader.find(0) !== undefined;
    } finally {
      reader.close();
    }
  });
}
