/** Wakes who waits for news of gateways. It says that there may be some; where they stand is looked up. */
export class NewsBell {
  readonly #waiting = new Set<{ readonly gateways: ReadonlySet<string>; readonly wake: () => void }>();

  ring(gateway: string): void {
    for (const { gateways, wake } of [...this.#waiting]) if (gateways.has(gateway)) wake();
  }

  /** A watch of gateways from now on: what rings before {@link Watch.rung} is asked is not missed. */
  watch(gateways: ReadonlySet<string>): Watch {
    const watch = new Watch(() => this.#waiting.delete(entry));
    const entry = { gateways, wake: () => watch.wake() };
    this.#waiting.add(entry);
    return watch;
  }
}

/** Of one who waits. */
export class Watch {
  readonly #close: () => void;
  #isRung = false;
  #wake: (() => void) | undefined;

  constructor(close: () => void) {
    this.#close = close;
  }

  wake(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Resolves when it rang since the last call, after `limitMs`, or when `signal` is aborted. */
  async rung(limitMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#isRung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          this.#wake = undefined;
          resolve();
        };
        const timer = setTimeout(end, limitMs);
        signal.addEventListener('abort', end, { once: true });
        this.#wake = end;
      });
    }
    this.#isRung = false;
  }

  close(): void {
    this.#close();
  }
}
