import { readFile } from 'node:fs/promises';
import { CaissonError, messageOf } from '../../../gateway/errors.ts';
import type { Dbc } from './dbc.ts';
import { parseDbc } from './parse-dbc.ts';

/** Bytes of a DBC file. A larger one is refused; the largest of whole vehicles have some MiB. */
const DBC_BYTES_MAX = 64 * 1024 * 1024;

/** Reads a DBC file. Rejects with `dbc-invalid` where it is missing or broken. */
export async function readDbc(path: string): Promise<Dbc> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new CaissonError('dbc-invalid', `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  });
  if (bytes.length > DBC_BYTES_MAX) {
    throw new CaissonError('dbc-invalid', `${path}: ${bytes.length} bytes, expected at most ${DBC_BYTES_MAX}`);
  }
  return parseDbc(decodeText(bytes), path);
}

/** Text of a file in UTF-8, with or without mark, UTF-16 with mark, or else Windows-1252, which Vector's tools write. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
