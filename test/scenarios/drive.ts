import type { Timers } from '../../hardware/serial/timers.ts';

/** The car drives so far at a look at the clock, and the least time between two, milliseconds: four times as fast as real. */
const STEP_MS = 20;
const TICK_MS = 5;

/** Time of a rig that passes when the test says so: a slow machine makes a slow car, and no loss. */
export class Drive implements Timers {
  #now = 0;
  #due: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  after(_delayMs: number, action: () => void): () => void {
    this.#due.push(action);
    return () => {
      this.#due = this.#due.filter((each) => each !== action);
    };
  }

  /** Lets the car drive on a little, then lets those who listen have their turn. */
  async step(): Promise<void> {
    this.#now += STEP_MS;
    this.rest();
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }

  /** Lets the car do what is due while it stands: its wires take what they had no room for. */
  rest(): void {
    for (const action of this.#due.splice(0)) action();
  }
}
