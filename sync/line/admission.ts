/** Lines that connect at a time. */
const PLACES_MAX = 8;

/**
 * For how long one that connects keeps others waiting, milliseconds. Beyond, it waits for answers from afar, or for nobody, and that costs
 * this end nothing; unless it was late itself for so much of the time. Then it is given its place for longer.
 */
const HELD_MS = 250;
const BUSY_PART = 0.25;
const HELD_BUSY_MS_MAX = 5_000;

export interface AdmissionOptions {
  /** For how long this thread was busy with one thing, in all, milliseconds; `LoopLag` has it. */
  readonly lag: { readonly blockedMs: number };
  /** HELD_MS and HELD_BUSY_MS_MAX unless a test is in a hurry. */
  readonly heldMs?: number;
  readonly heldBusyMsMax?: number;
}

/**
 * Lets lines connect in the order in which they come, some at a time. Where all boxes come back at once, as when central was away, each
 * handshake gets the time that it takes, instead of all of them together running into their deadlines.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Lines that wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when it is this line's turn, or when `signal` is aborted, with what is to be called when it is connected, or has failed. */
  enter(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve) => {
      const enter = () => {
        this.#waiting.delete(enter);
        signal.removeEventListener('abort', enter);
        resolve(this.#take());
      };
      if (this.#taken < PLACES_MAX || signal.aborted) return enter();
      this.#waiting.add(enter);
      signal.addEventListener('abort', enter, { once: true });
    });
  }

  #take(): () => void {
    const { lag, heldMs = HELD_MS, heldBusyMsMax = HELD_BUSY_MS_MAX } = this.#options;
    this.#taken += 1;
    const since = performance.now();
    let isHeld = true;
    let timer: NodeJS.Timeout | undefined;
    const leave = () => {
      clearTimeout(timer);
      if (!isHeld) return;
      isHeld = false;
      this.#taken -= 1;
      const [next] = this.#waiting;
      if (this.#taken < PLACES_MAX) next?.();
    };
    const hold = () => {
      const [from, blockedMs] = [performance.now(), lag.blockedMs];
      timer = setTimeout(() => {
        const now = performance.now();
        const isBusy = lag.blockedMs - blockedMs > BUSY_PART * (now - from);
        if (isBusy && now - since < heldBusyMsMax) hold();
        else leave();
      }, heldMs);
      timer.unref();
    };
    hold();
    return leave;
  }
}
