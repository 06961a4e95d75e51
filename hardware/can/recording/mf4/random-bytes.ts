import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** Bytes of a file that can be read in any order. */
export interface RandomBytes {
  readonly size: number;
  /** The `length` bytes at `offset`, fewer where the file ends; the caller's to keep. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Bytes that a packed file may unpack to. */
const UNPACKED_BYTES_MAX = 16 * 1024 ** 3;

/**
 * Opens a file. A packed one cannot be read in any order: it is unpacked to a temporary file that has no name and goes
 * when it is closed.
 */
export async function openRandomBytes(path: string, isPacked: boolean): Promise<RandomBytes> {
  const file = isPacked ? await unpack(path) : await open(path);
  const { size } = await file.stat();
  return {
    size,
    async read(offset, length) {
      // What a damaged file asks for may be longer than it is.
      const there = Math.max(0, Math.min(length, size - offset));
      const { buffer, bytesRead } = await file.read(new Uint8Array(there), 0, there, offset);
      return buffer.subarray(0, bytesRead);
    },
    close: () => file.close(),
  };
}

async function unpack(path: string): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-unpacked-'));
  try {
    const unpacked = join(folder, 'recording');
    await pipeline(createReadStream(path), createGunzip(), limited(path), createWriteStream(unpacked));
    return await open(unpacked);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function limited(path: string): Transform {
  let seen = 0;
  return new Transform({
    transform(piece: Uint8Array, _encoding, done: TransformCallback) {
      seen += piece.length;
      if (seen <= UNPACKED_BYTES_MAX) done(null, piece);
      else done(new Error(`${path} unpacks to more than ${UNPACKED_BYTES_MAX} bytes`));
    },
  });
}
