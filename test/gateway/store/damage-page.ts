import { Buffer } from 'node:buffer';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { PAGE_BYTES } from '../../../gateway/store/journal/record.ts';

/** Turns a bit in a page of the first segment of a store's journal; a small commit takes one page. */
export function damagePage(storeDir: string, page: number, offset = 60): void {
  const file = openSync(`${storeDir}/journal/segment-1`, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, page * PAGE_BYTES + offset);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  writeSync(file, byte, 0, 1, page * PAGE_BYTES + offset);
  closeSync(file);
}
