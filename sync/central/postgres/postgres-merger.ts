import { CaissonError } from '../../../gateway/errors.ts';
import type { MergeStatus } from '../../../gateway/status.ts';
import { MergePace } from '../../../gateway/store/merge/merge-pace.ts';
import { NOTHING_MERGED, withMerged } from '../../../gateway/store/merge/merged-sums.ts';
import type { CentralMerger } from '../central-merging.ts';
import { dayOf } from '../retention/retention-rules.ts';
import type { PostgresDatabase } from './database.ts';
import { MovedSweep } from './moved-sweep.ts';
import type { PostgresStore } from './postgres-store.ts';
import { SeriesMerge } from './series-merge.ts';
import { dueSeries } from './series-to-merge.ts';

/** Least time from the end of a look at all series to the next. */
const ROUND_INTERVAL_MS = 60_000;

export interface PostgresMergerParts {
  readonly db: PostgresDatabase;
  readonly store: PostgresStore;
  /** How long a lease is good for that is not renewed, milliseconds. */
  readonly leaseMs: number;
  /** From when packs move until what they left goes, milliseconds; less where a test is in a hurry. */
  readonly graceMs: number | undefined;
  /** True where it merges nothing, and takes away only what others left that did. */
  readonly onlySweeps: boolean;
  /** UTC, milliseconds. */
  readonly now: () => number;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
}

/**
 * Merges packs of a central over PostgreSQL that came on a day that is over, of gateways whose lease this process holds or that nobody pulls from. Each step is
 * a read, a transaction, or some milliseconds of the processor, and none of these waits for another within a transaction.
 */
export class PostgresMerger implements CentralMerger {
  readonly #parts: PostgresMergerParts;
  readonly #sweep: MovedSweep;
  readonly #pace = new MergePace();
  #steps: AsyncGenerator<void, void>;
  #status = NOTHING_MERGED;

  constructor(parts: PostgresMergerParts) {
    this.#parts = parts;
    this.#sweep = new MovedSweep(parts.db, parts.graceMs);
    this.#steps = this.#round();
  }

  dueMs(now: number): number {
    return this.#pace.dueMs(now);
  }

  /** @throws CaissonError `store-failed` */
  async step(): Promise<boolean> {
    const began = performance.now();
    let isLast = true;
    try {
      isLast = (await this.#steps.next()).done === true;
    } finally {
      if (isLast) this.#steps = this.#round();
      this.#pace.stepped(began, isLast ? ROUND_INTERVAL_MS : undefined);
    }
    return isLast;
  }

  status(): MergeStatus {
    return this.#status;
  }

  /** One look at every series. */
  async *#round(): AsyncGenerator<void, void> {
    yield* this.#sweep.run();
    const { db, store, leaseMs, now, onlySweeps, onProblem } = this.#parts;
    if (onlySweeps) return;
    const today = dayOf(now());
    for (const series of await dueSeries(db, { today, holder: store.holder, leaseMs })) {
      const merge = new SeriesMerge({ db, store, series, today, onProblem });
      try {
        for await (const merged of merge.run()) {
          if (merged !== undefined) this.#status = withMerged(this.#status, merged);
          yield;
        }
      } catch (error) {
        // Whoever pulls from it merges as well.
        if (!(error instanceof CaissonError) || error.code !== 'gateway-held') throw error;
      }
    }
  }
}
