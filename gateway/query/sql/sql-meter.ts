/** Notices of one statement. At the maximum: further ones are not said. */
const NOTICES_MAX = 5;

/** Milliseconds between two reports of progress. */
const PROGRESS_MS = 250;

/** Who is told while a statement runs. */
export interface SqlListener {
  /** Something that is no error, but may be why a result is not what was expected. Each once. */
  readonly notice?: (text: string) => void;
  readonly progress?: (read: SqlRead) => void;
}

/** What a statement has read. */
export interface SqlRead {
  /** Samples read from blocks and journal, those that conditions drop included. */
  readonly samples: number;
  /** Channels read, counted each time a reference reads one. */
  readonly channels: number;
}

/** Counts what a statement reads. */
export class SqlMeter {
  readonly #listener: SqlListener;
  readonly #notices = new Set<string>();
  #samples = 0;
  #channels = 0;
  #toldAt = performance.now();

  constructor(listener: SqlListener) {
    this.#listener = listener;
  }

  read(): SqlRead {
    return { samples: this.#samples, channels: this.#channels };
  }

  countSamples(count: number): void {
    this.#samples += count;
    const now = performance.now();
    if (now - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = now;
    this.#listener.progress?.(this.read());
  }

  countChannel(): void {
    this.#channels += 1;
  }

  notice(text: string): void {
    if (this.#notices.size >= NOTICES_MAX || this.#notices.has(text)) return;
    this.#notices.add(text);
    this.#listener.notice?.(text);
  }
}
