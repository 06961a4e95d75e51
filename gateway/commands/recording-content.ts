import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { RECOGNISED_BYTES } from '../../collectors/recognise-recording.ts';
import { type RecordingContent, readableBytes } from '../../collectors/recording-import.ts';
import { readPieces } from '../../hardware/serial/log-port.ts';
import { CaissonError, messageOf } from '../errors.ts';

/** A file as it was read. */
export interface ReadContent extends RecordingContent {
  /** SHA-256 of its bytes, unpacked, 64 hex digits: packed or not, it is the same recording. */
  readonly digest: string;
  /** The first of them, RECOGNISED_BYTES at most. */
  readonly head: Uint8Array;
  /** Why it could not be read to its end; undefined where it could. */
  readonly broken: string | undefined;
  /** Changes when the file does. */
  readonly state: string;
}

/**
 * Reads a file to its end.
 * @param onRead told how many bytes were read so far
 * @throws CaissonError `port-unavailable` where it cannot be opened
 */
export async function readContent(path: string, onRead: (bytes: number) => void): Promise<ReadContent> {
  const state = await fileState(path);
  const hash = createHash('sha256');
  const head = new Uint8Array(RECOGNISED_BYTES);
  let [bytes, broken]: [number, string | undefined] = [0, undefined];
  const onBroken = (error: unknown) => {
    broken = messageOf(error);
  };
  for await (const piece of readableBytes(path, onBroken)) {
    hash.update(piece);
    if (bytes < head.length) head.set(piece.subarray(0, head.length - bytes), bytes);
    bytes += piece.length;
    onRead(bytes);
  }
  return {
    path,
    bytes,
    digest: hash.digest('hex'),
    head: head.subarray(0, Math.min(bytes, head.length)),
    broken,
    state,
  };
}

/**
 * The first bytes of a file, unpacked, RECOGNISED_BYTES at most.
 * @throws CaissonError `port-unavailable` where it cannot be read
 */
export async function readHead(path: string): Promise<Uint8Array> {
  const head = new Uint8Array(RECOGNISED_BYTES);
  let bytes = 0;
  try {
    for await (const piece of await readPieces(path)) {
      head.set((piece as Uint8Array).subarray(0, head.length - bytes), bytes);
      bytes = Math.min(head.length, bytes + (piece as Uint8Array).length);
      if (bytes === head.length) break;
    }
  } catch (cause) {
    // Of a packed one that is cut short, what is before tells what it is.
    if (bytes === 0) throw new CaissonError('port-unavailable', messageOf(cause), { cause });
  }
  return head.subarray(0, bytes);
}

/** What changes when a file does. */
export async function fileState(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs].join(' ');
  } catch (cause) {
    throw new CaissonError('port-unavailable', messageOf(cause), { cause });
  }
}
