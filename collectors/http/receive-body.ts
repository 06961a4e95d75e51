import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { messageOf } from '../../gateway/errors.ts';
import { Refusal } from './refusal.ts';

/** Bytes of a refused body that are read before the connection is closed. */
const DISCARDED_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes that the memory of a body has at first. It doubles as the body comes, whatever length was declared. */
const ROOM_BYTES_MIN = 64 * 1024;
/** Bytes of memory of one body that are kept for the next: V8 collects garbage the more often the more such memory comes and goes. */
const SPARE_BYTES_MAX = 4 * 1024 * 1024;

const unpack = promisify(gunzip);

/** Bytes of bodies of all clients that are held at a time, and the memory for them. */
export class BodyBudget {
  readonly #bytesMax: number;
  #held = 0;
  /** Memory of a body that is done with. */
  #spare: Buffer | undefined;

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

  /** Memory for a body; what stands in it is of no meaning. */
  takeRoom(): Buffer {
    const room = this.#spare ?? Buffer.allocUnsafeSlow(ROOM_BYTES_MIN);
    this.#spare = undefined;
    return room;
  }

  /** Takes memory back; nobody may look at it any more. */
  giveBackRoom(room: Buffer): void {
    if (room.length <= SPARE_BYTES_MAX && room.length > (this.#spare?.length ?? 0)) this.#spare = room;
  }
}

/** A body that is held, unpacked. */
export interface HeldBody {
  readonly bytes: Buffer;
  /** To be called once it is no longer needed: its bytes are not to be looked at afterwards. */
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
  const body = new GrowingBody(budget.takeRoom(), bytesMax);
  const release = () => {
    budget.giveBack(taken);
    budget.giveBackRoom(body.room);
  };
  try {
    await collect(request, (chunk) => {
      body.add(chunk);
      take(chunk.length);
    });
    const bytes = encoding === 'gzip' ? await unpacked(body.bytes, bytesMax) : body.bytes;
    if (encoding === 'gzip') take(bytes.length);
    return { bytes, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** The bytes of a body that have come so far. */
class GrowingBody {
  /** Memory for them. */
  room: Buffer;
  readonly #bytesMax: number;
  #length = 0;

  constructor(room: Buffer, bytesMax: number) {
    this.room = room;
    this.#bytesMax = bytesMax;
  }

  get bytes(): Buffer {
    return this.room.subarray(0, this.#length);
  }

  /** @throws Refusal `http-body` */
  add(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytesMax) throw tooLarge(this.#bytesMax);
    if (length > this.room.length) this.#grow(length);
    chunk.copy(this.room, this.#length);
    this.#length = length;
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.room.length));
    this.bytes.copy(larger);
    this.room = larger;
  }
}

/** Resolves when all of a body was handed over; what `add` throws ends it. */
function collect(request: IncomingMessage, add: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      try {
        add(chunk);
      } catch (refusal) {
        request.off('data', onData);
        reject(refusal);
      }
    };
    request.on('data', onData);
    request.once('end', resolve);
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
