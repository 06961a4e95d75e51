import { systemTimers, type Timers } from '../../../hardware/serial/timers.ts';

/** Timers whose long waits pass at once, and that remember what was asked for. */
export class HurriedTimers implements Timers {
  /** Waits of half a second or more, milliseconds, as asked for. */
  readonly waits: number[] = [];

  now(): number {
    return systemTimers.now();
  }

  after(delayMs: number, action: () => void): () => void {
    if (delayMs >= 500) this.waits.push(delayMs);
    return systemTimers.after(Math.min(delayMs, 10), action);
  }
}
