import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../../gateway/errors.ts';
import type { MergeStatus } from '../../gateway/status.ts';

/** Time without merging after a step that failed, milliseconds. */
const FAILED_INTERVAL_MS = 60_000;

/** What is done a step at a time. */
export interface MergeSteps {
  /** Milliseconds until the next step is due. @param now performance.now() */
  dueMs(now: number): number;
  /** Does one step, of some milliseconds of the processor; true where it was the last of a look at all series. */
  step(): boolean | Promise<boolean>;
}

/** Makes large packs of small ones. */
export interface CentralMerger extends MergeSteps {
  status(): MergeStatus;
}

/** Merges what a central keeps a step at a time, while it does other things: how often and how long the merger says. */
export class CentralMerging {
  readonly #merger: MergeSteps;
  readonly #onProblem: (text: string) => void;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  /** @param onProblem told what a person should know */
  constructor(merger: MergeSteps, onProblem: (text: string) => void) {
    this.#merger = merger;
    this.#onProblem = onProblem;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves once no step is under way, and none follows. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    let wait = this.#merger.dueMs(performance.now());
    while (await this.#waited(wait)) {
      try {
        await this.#merger.step();
        wait = this.#merger.dueMs(performance.now());
      } catch (error) {
        this.#onProblem(`merging of packs waits: ${messageOf(error)}`);
        wait = FAILED_INTERVAL_MS;
      }
    }
  }

  /** False where it is to stop. */
  async #waited(ms: number): Promise<boolean> {
    const { signal } = this.#stopping;
    await setTimeout(ms, undefined, { signal, ref: false }).catch(() => {});
    return !signal.aborted;
  }
}
