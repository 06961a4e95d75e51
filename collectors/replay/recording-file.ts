import { readPieces } from '../../hardware/serial/log-port.ts';
import { RecordingReader } from './recording-reader.ts';
import type { RecordingTable } from './recording-table.ts';

/** Whether a file is a recording that a `replay` source can play; false for one that cannot be read. */
export async function isReplayable(path: string): Promise<boolean> {
  try {
    return (await readHeader(path)) !== undefined;
  } catch {
    return false;
  }
}

/**
 * What the header of a recording says; undefined where the file is of no known format. Reads no further than it must.
 * Rejects when the file cannot be read.
 */
export async function readHeader(path: string): Promise<RecordingTable | undefined> {
  const reader = new RecordingReader();
  for await (const piece of await readPieces(path)) {
    reader.feed(piece);
    if (reader.table !== undefined || reader.isUnknown) return reader.table;
  }
  reader.end();
  return reader.table;
}
