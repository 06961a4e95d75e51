import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { CaissonError, messageOf } from '../errors.ts';
import { Output } from './outcome.ts';

/** Where a file that is exported goes. */
export interface ExportSink {
  /** @throws CaissonError `export-failed` */
  write(piece: Uint8Array): Promise<void>;
  /** All of it was written. */
  end(): void;
  /** It will not be whole. */
  discard(): void;
}

/** A file that is there when it is whole, and on disk. */
export class FileSink implements ExportSink {
  readonly #path: string;
  readonly #part: string;
  readonly #file: number;

  constructor(path: string) {
    this.#path = path;
    this.#part = `${path}.part`;
    this.#file = attempt(() => openSync(this.#part, 'w'));
  }

  async write(piece: Uint8Array): Promise<void> {
    attempt(() => {
      for (let at = 0; at < piece.length; ) at += writeSync(this.#file, piece, at);
    });
  }

  end(): void {
    attempt(() => {
      fsyncSync(this.#file);
      closeSync(this.#file);
      renameSync(this.#part, this.#path);
    });
  }

  discard(): void {
    closeSync(this.#file);
    rmSync(this.#part, { force: true });
  }
}

/** Stdout, as fast as its reader takes it. */
export class StdoutSink implements ExportSink {
  readonly #output = new Output();

  async write(piece: Uint8Array): Promise<void> {
    await this.#output.write(piece);
    if (this.#output.closed.aborted) throw new CaissonError('export-failed', 'stdout is closed');
  }

  end(): void {}

  discard(): void {}
}

function attempt<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new CaissonError('export-failed', messageOf(cause), { cause });
  }
}
