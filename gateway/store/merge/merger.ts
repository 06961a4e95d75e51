import Database from 'better-sqlite3';
import type { MergeStatus } from '../../status.ts';
import type { ScaleHint } from '../block/column.ts';
import { attempt, damageOf } from '../damage.ts';
import { isFull } from '../disk-room.ts';
import { MergePace } from './merge-pace.ts';
import { cutAt, MERGE_PACKS_MIN, type MergeSource, planMerges } from './merge-plan.ts';
import { NOTHING_MERGED, withMerged } from './merged-sums.ts';
import { type Merged, type MergeOutcome, mergePacks } from './merging.ts';
import type { PackMerges } from './pack-merges.ts';

/**
 * Packs of a series that are looked at together, by how often they were merged: so many ordinals, from a multiple of it on.
 * Each sample is written again at most as often as there are entries. Multiples of the pyramid's fan-out lose few envelopes.
 */
export const MERGE_WINDOWS: readonly number[] = [64, 1024];

/** Least time from the end of a look at all series to the next. */
const ROUND_INTERVAL_MS = 60_000;

/** A series is looked at again when it has grown by so many packs. */
const GROWN_PACKS = 8;

/** Time without merging after a write that found no room. */
const NO_ROOM_INTERVAL_MS = 60_000;

/** What merging needs of the large database; `BlockDb` has it. */
export interface MergeStore {
  readonly merges: PackMerges;
  packBytes(position: number): Uint8Array | undefined;
  /** Runs `change` as one transaction. */
  transaction<Result>(change: () => Result): Result;
}

export interface MergerParts {
  readonly store: MergeStore;
  /** Gain and offset of the integers behind a channel's numbers, where they are known. */
  readonly scaleOf: (channel: number) => ScaleHint | undefined;
  /** False where packs at the feed's positions from `first` to `last` have to wait, as while a central has some of them and not all. */
  readonly isApart: (first: number, last: number) => boolean;
  /** By position: only packs of one period are merged with each other. Without it, all are of one. */
  readonly periodOf?: (position: number) => number;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
  /** {@link MERGE_WINDOWS} unless a test wants smaller ones. */
  readonly windows?: readonly number[];
}

/**
 * Merges small packs into large ones, a step at a time, in time that nobody else wants. A series is looked through a window
 * at a time, oldest first, once the window is full and another pack follows: what is merged is not touched again but by the
 * next larger window. One transaction takes the sources out and puts the result in, which was read back before.
 */
export class Merger {
  readonly #parts: MergerParts;
  readonly #windows: readonly number[];
  #steps: Iterator<void>;
  readonly #pace = new MergePace();
  /** Ordinal from which on a series is to be looked at, by merges and roster; and its last ordinal at the last look. */
  readonly #looked = new Map<string, { readonly from: number; readonly last: number }>();
  #status = NOTHING_MERGED;

  constructor(parts: MergerParts) {
    this.#parts = parts;
    this.#windows = parts.windows ?? MERGE_WINDOWS;
    this.#steps = this.#round();
  }

  /** Milliseconds until the next step is due. */
  dueMs(now: number): number {
    return this.#pace.dueMs(now);
  }

  /**
   * Does one step, of some milliseconds; true where it was the last of a look at all series. Throws what SQLite throws, but
   * where there is no room: then it rests a while.
   */
  step(): boolean {
    const began = performance.now();
    let restMs: number | undefined;
    let isLast = false;
    try {
      isLast = this.#steps.next().done === true;
      if (isLast) {
        this.#steps = this.#round();
        restMs = ROUND_INTERVAL_MS;
      }
    } catch (error) {
      this.#steps = this.#round();
      if (!isFull(error)) throw error;
      restMs = NO_ROOM_INTERVAL_MS;
    }
    this.#pace.stepped(began, restMs);
    return isLast;
  }

  /** Looks through all series at once; for one who has nothing else to do. */
  runRound(): void {
    const steps = this.#round();
    while (steps.next().done !== true);
  }

  status(): MergeStatus {
    return this.#status;
  }

  /** One look at every series. */
  *#round(): Generator<void, void> {
    const { merges } = this.#parts.store;
    for (const roster of merges.rosters()) {
      let end = merges.lastOrdinal(roster);
      for (const [level, window] of this.#windows.entries()) end = yield* this.#mergeSeries(roster, level, window, end);
    }
  }

  /**
   * Merges the full windows of a series that end before ordinal `end`, of packs that were merged at most `level` times.
   * Returns the ordinal up to which it came.
   */
  *#mergeSeries(roster: number, level: number, window: number, end: number): Generator<void, number> {
    const key = `${level} ${roster}`;
    const known = this.#looked.get(key);
    if (known !== undefined && end < known.last + GROWN_PACKS) return known.from;
    let from = known?.from;
    for (;;) {
      const planned = attempt(() => this.#plan(roster, level, window, from));
      if ('damage' in planned) {
        this.#parts.onProblem(`packs of series ${roster} are not merged: ${planned.damage}`);
        this.#looked.set(key, { from: from ?? 0, last: Number.POSITIVE_INFINITY });
        return from ?? 0;
      }
      const { windowEnd, groups } = planned.value;
      from = planned.value.from;
      if (windowEnd > end) break;
      yield;
      const waiting = yield* this.#mergeGroups(roster, groups);
      from = waiting ?? windowEnd;
      if (waiting !== undefined) break;
    }
    this.#looked.set(key, { from, last: end });
    return from;
  }

  /** What is to be merged of the first window of a series with packs from `from` on, or behind what was merged before. */
  #plan(roster: number, level: number, window: number, known: number | undefined): Window {
    const { store, periodOf = () => 0 } = this.#parts;
    const { merges } = store;
    const from = known ?? merges.mergedTo(roster, level + 1) + 1;
    const next = merges.nextOrdinal(roster, from);
    if (next === undefined) return { from, windowEnd: Number.POSITIVE_INFINITY, groups: [] };
    const windowEnd = (Math.floor(next / window) + 1) * window;
    const isFull = windowEnd <= merges.lastOrdinal(roster);
    if (!isFull) return { from, windowEnd, groups: [] };
    return {
      from,
      windowEnd,
      groups: planMerges(merges.sources(roster, { from: next, to: windowEnd }, level, periodOf)),
    };
  }

  /** Returns the ordinal from which on a group has to wait; undefined where none has to. */
  *#mergeGroups(roster: number, groups: readonly MergeSource[][]): Generator<void, number | undefined> {
    const { isApart, store } = this.#parts;
    const stretches = function* () {
      for (const group of groups) yield* cutAt(group, store.merges.crossings(roster, group));
    };
    for (const stretch of stretches()) {
      for (let rest = stretch; rest.length >= MERGE_PACKS_MIN; ) {
        const [first, last] = [rest[0]?.position ?? 0, rest.at(-1)?.position ?? 0];
        if (!isApart(first, last)) return rest[0]?.ordinal;
        yield;
        const { taken, merged } = yield* this.#merge(roster, rest);
        yield;
        if (merged !== undefined) this.#replace(roster, merged);
        yield;
        rest = rest.slice(taken);
      }
    }
    return undefined;
  }

  /** Merges the first of the sources, as many as can be; all count as taken where one is damaged. */
  *#merge(roster: number, sources: readonly MergeSource[]): Generator<void, MergeOutcome> {
    const { store, scaleOf } = this.#parts;
    try {
      return yield* mergePacks({
        channels: store.merges.channels(roster),
        sources,
        packBytes: (position) => store.packBytes(position),
        partsOf: (source) => store.merges.partsOf(roster, source),
        scaleOf,
      });
    } catch (error) {
      const damage = damageOf(error);
      if (damage === undefined) throw error;
      this.#tellUnmerged(sources, damage);
      return { taken: sources.length, merged: undefined };
    }
  }

  #replace(roster: number, merged: Merged): void {
    const { store } = this.#parts;
    try {
      if (!store.transaction(() => store.merges.replace({ roster, ...merged }))) return;
    } catch (error) {
      // A page that is damaged; whatever else a write fails of is for the owner of the store.
      if (!(error instanceof Database.SqliteError) || !error.code.startsWith('SQLITE_CORRUPT')) throw error;
      this.#tellUnmerged(merged.sources, error.message);
      return;
    }
    this.#status = withMerged(this.#status, merged);
  }

  #tellUnmerged(sources: readonly MergeSource[], damage: string): void {
    const [first, last] = [sources[0]?.position, sources.at(-1)?.position];
    this.#parts.onProblem(`packs ${first} to ${last} of the feed stay as they are and are not merged: ${damage}`);
  }
}

/** A stretch of a series that is merged together. */
interface Window {
  readonly from: number;
  /** Ordinal behind it; infinite where there is none. */
  readonly windowEnd: number;
  readonly groups: readonly MergeSource[][];
}
