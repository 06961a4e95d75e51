import { createWriteStream, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CaissonError } from '../../gateway/errors.ts';
import type { BroughtCourierMessage } from '../api/courier-messages.ts';
import { type CourierReaderParts, readCourierFile } from './courier-reader.ts';
import type { SpoolFolder } from './spool-folder.ts';

/** Bytes of one file. Beyond: refused. */
export const COURIER_BYTES_MAX = 4 * 2 ** 30;

/** Files that wait while one is read. Beyond: refused, to be brought again. */
const WAITING_MAX = 4;

export interface CourierCounters {
  /** Files, by what became of them; those that were broken off or refused are in none. */
  kept: number;
  foreign: number;
  damaged: number;
  /** Samples that were new. */
  samples: number;
}

/** Where a central that runs takes courier files: each is put on disk, and read as from a medium, one at a time. */
export class CourierDesk {
  readonly counters: CourierCounters = { kept: 0, foreign: 0, damaged: 0, samples: 0 };
  readonly #parts: Omit<CourierReaderParts, 'medium'>;
  readonly #spool: SpoolFolder;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(parts: Omit<CourierReaderParts, 'medium'>, spool: SpoolFolder) {
    this.#parts = parts;
    this.#spool = spool;
  }

  /** @throws CaissonError `courier-failed` for a file that is too large, or one too many; what keeping it throws */
  async bring(pieces: AsyncIterable<Uint8Array>): Promise<BroughtCourierMessage> {
    if (this.#waiting >= WAITING_MAX) {
      throw new CaissonError('courier-failed', `${WAITING_MAX} courier files wait already`, { retryable: true });
    }
    this.#waiting += 1;
    const turn = this.#last.then(() => this.#take(pieces));
    this.#last = turn.catch(() => {});
    return turn.finally(() => {
      this.#waiting -= 1;
    });
  }

  async #take(pieces: AsyncIterable<Uint8Array>): Promise<BroughtCourierMessage> {
    const path = this.#spool.path('brought');
    try {
      await pipeline(bounded(pieces), createWriteStream(path, { mode: 0o600 }));
      const { read } = await readCourierFile(this.#parts, path);
      const { outcome, samples, problem = '' } = read;
      this.counters[outcome] += 1;
      this.counters.samples += samples;
      return { outcome, samples, problem };
    } finally {
      rmSync(path, { force: true });
    }
  }
}

async function* bounded(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > COURIER_BYTES_MAX) {
      throw new CaissonError('courier-failed', `a courier file of more than ${COURIER_BYTES_MAX / 2 ** 30} GiB`);
    }
    yield piece;
  }
}
