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

/** A cycle that has ended. */
export interface EndedCycle extends BegunCycle {
  /** Exclusive: what is of this time belongs to the next. */
  readonly to: number;
  readonly state: 'complete' | 'aborted';
  /** Why it is not complete; undefined where it is. */
  readonly cause: 'began-before' | 'stopped' | undefined;
}

/** What comes of samples. */
export interface CycleSink {
  begun(cycle: BegunCycle): void;
  ended(cycle: EndedCycle): void;
}

/**
 * One kind of cycle: samples of the channel that tells, in the order in which they were taken in, in; cycles out. It depends on nothing
 * else, so the same samples make the same cycles however they are divided.
 */
export class CycleTracker {
  readonly #trigger: Trigger;
  readonly #minUs: number;
  readonly #sink: CycleSink;
  #open: BegunCycle | undefined;
  #count: number;
  #newest = Number.NEGATIVE_INFINITY;

  /** @param last number of the last cycle of its kind, after which is counted where the channel that tells has none */
  constructor(config: CycleConfig, sink: CycleSink, last = 0) {
    this.#trigger = triggerOf(config);
    this.#minUs = (config.minSeconds ?? 0) * 1e6;
    this.#sink = sink;
    this.#count = last;
  }

  /** The cycle that is open; undefined where none is. */
  get open(): BegunCycle | undefined {
    return this.#open;
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

  /** Nothing more comes: what is open ends here. */
  stop(time: number): void {
    const open = this.#open;
    if (open !== undefined) this.#end(open, Math.max(time, open.from + 1, this.#newest + 1), 'stopped');
  }

  #begin(time: number, { number, label = '', isSeen }: { number?: number; label?: string; isSeen: boolean }): void {
    this.#count += 1;
    this.#open = { number: number ?? this.#count, label, from: time, isSeen };
    this.#sink.begun(this.#open);
  }

  #end(open: BegunCycle, to: number, cause: EndedCycle['cause']): void {
    this.#open = undefined;
    this.#sink.ended({ ...open, to, state: cause === undefined ? 'complete' : 'aborted', cause });
  }
}
