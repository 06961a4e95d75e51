import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { messageOf } from '../../gateway/errors.ts';
import { Refusal } from './refusal.ts';

/** Bytes of a refused body that are read before the connection is closed. */
const DISCARDED_BYTES_MAX = 64 * 1024 * 1024;

const unpack = promisify(gunzip);

/** Bytes of bodies of all clients that are held at a time. */
export class BodyBudget {
  readonly #bytesMax: number;
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get held(): number {
    return this.#held;
  }

  /** @throws Refusal `http-busy` */
  take(bytes: number): void {
    if (this.#held + bytes > this.#bytesMax) {
      throw new Refusal('http-busy', 429, `${this.#held} bytes of bodies wait to be stored`, 1);
    }
    this.#held += bytes;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
  }
}

/** A body that is held, unpacked. */
export interface HeldBody {
  readonly bytes: Buffer;
  /** To be called once it is no longer needed. */
  release(): void;
}

/**
 * Receives the body of a request and unpacks it.
 * @throws Refusal `http-body`, `http-encoding`, `http-busy`, `http-aborted`
 */
export async function receiveBody(request: IncomingMessage, bytesMax: number, budget: BodyBudget): Promise<HeldBody> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip') {
    throw new Refusal('http-encoding', 415, `Content-Encoding ${encoding} is neither gzip nor identity`);
  }
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  let taken = 0;
  const take = (bytes: number) => {
    budget.take(bytes);
    taken += bytes;
  };
  try {
    const packed = await collect(request, bytesMax, take);
    const bytes = encoding === 'gzip' ? await unpacked(packed, bytesMax) : packed;
    if (bytes !== packed) take(bytes.length);
    return { bytes, release: () => budget.giveBack(taken) };
  } catch (error) {
    budget.giveBack(taken);
    throw error;
  }
}

function collect(request: IncomingMessage, bytesMax: number, take: (bytes: number) => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      try {
        length += chunk.length;
        if (length > bytesMax) throw tooLarge(bytesMax);
        take(chunk.length);
        chunks.push(chunk);
      } catch (refusal) {
        request.off('data', onData);
        reject(refusal);
      }
    };
    request.on('data', onData);
    request.once('end', () => {
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length));
    });
    request.once('error', (error) => reject(aborted(messageOf(error))));
    request.once('close', () => reject(aborted('the connection ended within the body')));
  });
}

function aborted(detail: string): Refusal {
  return new Refusal('http-aborted', 400, detail);
}

/**
 * Reads what is left of a request and keeps nothing, so that its sender gets to read the answer; one that sends far more is
 * cut off.
 */
export function discardBody(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  let left = DISCARDED_BYTES_MAX;
  return new Promise((resolve) => {
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) request.destroy();
    });
    request.once('end', resolve);
    request.once('close', resolve);
    request.resume();
  });
}

async function unpacked(packed: Buffer, bytesMax: number): Promise<Buffer> {
  try {
    return await unpack(packed, { maxOutputLength: bytesMax });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax);
    throw new Refusal('http-encoding', 400, `the body is no valid gzip: ${messageOf(error)}`);
  }
}

function tooLarge(bytesMax: number): Refusal {
  return new Refusal('http-body', 413, `the body is larger than ${bytesMax} bytes`);
}
