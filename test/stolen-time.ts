import process from 'node:process';
import type { Test } from 'tap';

/** Time between two looks, milliseconds; a timer may come one later than it is asked for. */
const LOOK_MS = 2;

/**
 * Adds up for how long this process was kept from running: by how much later a timer came than it was asked for, less what the process
 * itself computed meanwhile. What is left of a time by the clock when this is taken away is what a quiet machine would have needed.
 */
export class StolenTime {
  #ms = 0;
  #timer: NodeJS.Timeout | undefined;
  #at = performance.now();
  #cpu = process.cpuUsage();

  /** Ends with the test. */
  constructor(t: Test) {
    this.#look();
    t.teardown(() => clearTimeout(this.#timer));
  }

  /** Milliseconds so far, with those that no look has come after yet. */
  get ms(): number {
    return this.#ms + this.#lateMs();
  }

  #lateMs(): number {
    const { user, system } = process.cpuUsage(this.#cpu);
    return Math.max(0, performance.now() - this.#at - LOOK_MS - 1 - (user + system) / 1e3);
  }

  #look(): void {
    this.#timer = setTimeout(() => {
      this.#ms += this.#lateMs();
      this.#at = performance.now();
      this.#cpu = process.cpuUsage();
      this.#look();
    }, LOOK_MS);
  }
}

/** Keeps this thread from running behind `action`, as a busy machine may: then timers run, and what came meanwhile is read after them. */
export function standStill(ms: number, action: () => void): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => {
      action();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      resolve();
    });
  });
}

/** CPU time that `work` takes, milliseconds: what a busy machine does not change. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3;
}
