import { readFileSync } from 'node:fs';
import { CaissonError, messageOf } from '../../../gateway/errors.ts';
import type { Dbc } from './dbc.ts';
import { parseDbc } from './parse-dbc.ts';

/** Bytes of a DBC file. A larger one is refused; the largest of whole vehicles have some MiB. */
const DBC_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Reads a DBC file.
 * @throws CaissonError `dbc-invalid` where it is missing, broken, or without any message
 */
export function readDbc(path: string): Dbc {
  const bytes = readBytes(path);
  if (bytes.length > DBC_BYTES_MAX) {
    throw new CaissonError('dbc-invalid', `${path}: ${bytes.length} bytes, expected at most ${DBC_BYTES_MAX}`);
  }
  const dbc = parseDbc(decodeText(bytes), path);
  if (dbc.messages.length === 0) {
    throw new CaissonError('dbc-invalid', `${path}: no message (BO_) in it, so that nothing could be decoded`, {
      hint: 'is it a DBC file?',
    });
  }
  return dbc;
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CaissonError('dbc-invalid', `${path}: cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: 'a path is relative to the folder of the config file',
    });
  }
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
