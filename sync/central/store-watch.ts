import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { BlockStore } from './block-store.ts';
import type { CentralStore } from './central-store.ts';

/** Between two looks, milliseconds. */
const LOOK_MS = 1_000;

/** A store that has not answered for so long counts as away, milliseconds. */
const ANSWER_MS = 3_000;

/** In so many parts, each of which has to pass by itself: while this process stands still, at most one of them does. */
const ANSWER_PARTS = 6;

/** What a trial writes: as much as a line brings at once. */
export const TRIAL_BYTES = 2 << 20;

export interface StoreWatchParts {
  readonly store: Pick<CentralStore, 'blocks' | 'totals' | 'tryKeeping'>;
  /** Told of what a person should know. */
  readonly onProblem: (text: string) => void;
}

/**
 * Whether the store of a central takes what comes. It is asked from time to time for what it has; once it failed to keep something, it
 * must make a trial durable before it is believed again.
 */
export class StoreWatch {
  /** The store, seen at work. */
  readonly blocks: BlockStore;
  readonly #parts: StoreWatchParts;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;
  #isDoubted = false;
  #isStopped = false;
  #problem: string | undefined;
  #totals: { readonly blocks: number; readonly bytes: number } | undefined;
  /** Since when it takes nothing, performance.now(). */
  #since = 0;

  constructor(parts: StoreWatchParts) {
    const { blocks } = parts.store;
    this.#parts = parts;
    this.blocks = {
      progress: (peer) => this.#seen(blocks.progress(peer)),
      change: (peer, gateways, decide) => this.#seen(blocks.change(peer, gateways, decide)),
    };
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  /** Why it takes nothing; undefined where it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Blocks and bytes that it has; undefined where that is not known. */
  get totals(): { readonly blocks: number; readonly bytes: number } | undefined {
    return this.#problem === undefined ? this.#totals : undefined;
  }

  /** Calls `listener` whenever it stops or begins again to take what comes, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Asks it; one who asks while it is being asked gets that answer. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** What it is being asked is not waited for, and the answer told to nobody. */
  stop(): void {
    clearInterval(this.#timer);
    this.#isStopped = true;
  }

  async #look(): Promise<void> {
    let passed = 0;
    const late = setInterval(() => {
      passed += 1;
      if (passed === ANSWER_PARTS) this.#turn(`it has not answered for ${ANSWER_MS / 1e3} s`);
    }, ANSWER_MS / ANSWER_PARTS);
    const isDoubted = this.#isDoubted || this.#problem !== undefined;
    this.#isDoubted = false;
    try {
      const totals = await this.#parts.store.totals();
      if (isDoubted) await this.#parts.store.tryKeeping();
      this.#totals = totals;
      this.#turn(undefined);
    } catch (error) {
      this.#turn(messageOf(error));
    } finally {
      clearInterval(late);
    }
  }

  async #seen<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof CaissonError) || error.code === 'store-failed') this.#isDoubted = true;
      throw error;
    }
  }

  #turn(problem: string | undefined): void {
    if (this.#isStopped) return;
    const before = this.#problem;
    this.#problem = problem;
    if ((problem === undefined) === (before === undefined)) return;
    const { onProblem } = this.#parts;
    if (problem === undefined) {
      const seconds = Math.round((performance.now() - this.#since) / 1e3);
      onProblem(`the store takes what comes again, after ${seconds} s`);
    } else {
      this.#since = performance.now();
      onProblem(`the store takes nothing, and this central is not ready until it does: ${problem}`);
    }
    for (const listener of this.#listeners) listener();
  }
}
