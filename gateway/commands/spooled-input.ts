import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CaissonError, messageOf } from '../errors.ts';
import { makeTempFolder } from '../temp-folder.ts';

/** What a recording that has no name is called. */
const SPOOL_NAME = 'stdin';

/** A stream as a file: recordings are looked at before they are taken in. The disk bounds it. */
export interface SpooledInput {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Reads a stream to its end.
 * @throws CaissonError `port-unavailable` where it or the file for it fails; the reason of `signal`
 */
export async function spoolInput(input: Readable, signal: AbortSignal): Promise<SpooledInput> {
  const folder = makeTempFolder('import');
  const remove = () => rm(folder, { recursive: true, force: true });
  const path = join(folder, SPOOL_NAME);
  try {
    await pipeline(input, createWriteStream(path), { signal });
    return { path, remove };
  } catch (cause) {
    await remove();
    signal.throwIfAborted();
    throw new CaissonError('port-unavailable', `standard input: ${messageOf(cause)}`, { cause });
  }
}
