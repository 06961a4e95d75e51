import { type CycleSum, CycleSums } from './cycle-sums.ts';
import type { CycleConfig } from './cycles-config.ts';
import { type Trigger, triggerOf } from './trigger.ts';

/** A cycle that has begun. Times are box time, microseconds. */
export interface BegunCycle {
  readonly number: number;
  /** Of a batch that has a name and no number; empty elsewhere. */
  readonly label: string;
  /** No other cycle of its kind begins at that time. */
  readonly from: number;
  /** False where it had begun before anything was heard of it. */
  readonly isSeen: boolean;
}

/** Why a cycle is not complete. */
export type AbortCause = 'began-before' | 'stopped';

/** A cycle that has ended. */
export interface EndedCycle extends BegunCycle {
  /** Exclusive: what is of this time belongs to the next. */
  readonly to: number;
  readonly state: 'complete' | 'aborted';
  /** Undefined where it is complete. */
  readonly cause: AbortCause | undefined;
  /** Samples that came while it was open and were older than it. */
  readonly late: number;
  /** By place; undefined where a channel had no sample. */
  readonly sums: readonly (CycleSum | undefined)[];
}

/** What comes of samples. */
export interface CycleSink {
  begun(cycle: BegunCycle): void;
  ended(cycle: EndedCycle): void;
}

/**
 * One kind of cycle: samples in the order in which they were taken in, in; cycles out. It depends on nothing else, so the same samples make
 * the same cycles however they are divided.
 */
export class CycleTracker {
  readonly #trigger: Trigger;
  readonly #minUs: number;
  readonly #sink: CycleSink;
  readonly #sums = new CycleSums();
  #places = 0;
  #open: BegunCycle | undefined;
  #late = 0;
  #count = 0;
  #newest = Number.NEGATIVE_INFINITY;

  constructor(config: CycleConfig, sink: CycleSink) {
    this.#trigger = triggerOf(config);
    this.#minUs = (config.minSeconds ?? 0) * 1e6;
    this.#sink = sink;
  }

  /** A place for the sums of one more channel. */
  addPlace(): number {
    this.#places += 1;
    return this.#places - 1;
  }

  /** A sample of the channel that tells; one that is older than what was seen of it changes nothing. */
  look(time: number, value: number | string): void {
    if (time < this.#newest) return;
    this.#newest = time;
    const open = this.#open;
    const mayPass = open === undefined || (time > open.from && time - open.from >= this.#minUs);
    const passage = this.#trigger.look(value, mayPass);
    if (passage === undefined) return;
    if (open !== undefined && passage.ends) this.#end(open, time, open.isSeen ? undefined : 'began-before');
    if (passage.begins) this.#begin(time, passage);
  }

  /** A sample of a channel that is summed at `place`. */
  add(place: number, time: number, value: number): void {
    if (this.#open === undefined) return;
    if (time < this.#open.from) this.#late += 1;
    else this.#sums.add(place, value);
  }

  /** Samples [from, to) of a channel that is summed at `place`. */
  addColumns(place: number, times: Float64Array, values: Float64Array, from: number, to: number): void {
    if (this.#open === undefined) return;
    this.#late += this.#sums.addColumns(place, this.#open.from, { times, values, from, to });
  }

  /** Nothing more comes: what is open ends here. */
  stop(time: number): void {
    const open = this.#open;
    if (open !== undefined) this.#end(open, Math.max(time, open.from + 1, this.#newest + 1), 'stopped');
  }

  #begin(time: number, { number, label = '', isSeen }: { number?: number; label?: string; isSeen: boolean }): void {
    this.#count += 1;
    this.#open = { number: number ?? this.#count, label, from: time, isSeen };
    this.#sums.clear();
    this.#late = 0;
    this.#sink.begun(this.#open);
  }

  #end(open: BegunCycle, to: number, cause: AbortCause | undefined): void {
    this.#open = undefined;
    const sums = Array.from({ length: this.#places }, (_, place) => this.#sums.at(place));
    this.#sink.ended({
      ...open,
      to,
      state: cause === undefined ? 'complete' : 'aborted',
      cause,
      late: this.#late,
      sums,
    });
  }
}
