/** The passing of time, passed in so that tests need not wait for it. */
export interface Timers {
  /** Monotonic time, milliseconds. */
  now(): number;
  /** Calls `action` once after `delayMs`; the returned function prevents it. */
  after(delayMs: number, action: () => void): () => void;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};
