import process from 'node:process';

/** Milliseconds after which a person is shown how far a command is. */
const AFTER_MS = 2000;

/** Milliseconds between two of its states. */
const BETWEEN_MS = 200;

/** One line on stderr that is written over, where a person waits for what takes long. */
export class ProgressLine {
  readonly #startedAt = performance.now();
  #shownAt = 0;
  #isShown = false;

  /** @param text asked for only when it is shown; gets the seconds since the beginning */
  show(text: (seconds: number) => string): void {
    const now = performance.now();
    const isEarly = now - this.#startedAt < AFTER_MS || now - this.#shownAt < BETWEEN_MS;
    if (process.stderr.isTTY !== true || isEarly) return;
    process.stderr.write(`\r\u001b[K${text(Math.round((now - this.#startedAt) / 1e3))}`);
    this.#shownAt = now;
    this.#isShown = true;
  }

  /** Says something that stays. */
  say(text: string): void {
    this.clear();
    process.stderr.write(`caisson: ${text}\n`);
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\u001b[K');
    this.#isShown = false;
  }
}
