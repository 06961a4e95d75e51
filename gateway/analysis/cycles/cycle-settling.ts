import type { Channel, ChannelSpec } from '../../channel.ts';
import { messageOf } from '../../errors.ts';
import type { Intake } from '../../intake.ts';
import { encodeEndAfterwards, encodeLate, encodeSummed, recordsName, sumsSpec } from './cycle-channels.ts';
import type { CycleSum } from './cycle-sums.ts';
import type { BegunCycle, EndedCycle } from './cycle-tracker.ts';
import { type CyclesConfig, SETTLE_SECONDS } from './cycles-config.ts';
import { LateWatch, type SettledCycle } from './late-watch.ts';

/** Channels that are summed over each cycle of a kind. Beyond: told once, and not summed. */
export const SUMMED_CHANNELS_MAX = 1024;

/** Cycles that wait for their sums. Beyond: told, and left to the next run of the process. */
const WAITING_MAX = 1024;

/** How often sums are made again because samples of their time came meanwhile, and how long after one another. */
const TRIES_MAX = 3;
const TRY_AGAIN_MS = 1000;

/** What is asked of the store: sums of channels over [from, to), UTC in microseconds. */
export interface SumQuestion {
  readonly from: number;
  readonly to: number;
  /** Patterns of channels; undefined: all. */
  readonly summary: readonly string[] | undefined;
}

export interface SumAnswer {
  /** By channel id. */
  readonly sums: readonly { readonly channel: number; readonly sum: CycleSum }[];
  /** Channels beyond {@link SUMMED_CHANNELS_MAX} that have samples. */
  readonly others: number;
}

/** A cycle of an earlier run of the process. */
export interface EarlierCycle extends BegunCycle {
  readonly name: string;
  readonly utc: { readonly from: number; readonly to: number };
  /** Why nobody told its end; undefined where it was told. */
  readonly cause: string | undefined;
  /** How many samples came too late for its sums, so far; undefined where it has none. */
  readonly late: number | undefined;
}

/** Reads what is kept. What it answers is undefined where who reads went away: then it is asked again. It rejects where it cannot read. */
export interface CycleReader {
  /** Cycles of those kinds that begin before `before`, as stored; those of a kind without sums in their order. */
  earlier(cycles: CyclesConfig, before: number): Promise<readonly EarlierCycle[] | undefined>;
  sums(question: SumQuestion): Promise<SumAnswer | undefined>;
}

export interface CycleSettlingParts {
  readonly intake: Pick<Intake, 'publish' | 'durable'>;
  /** Takes in a record. */
  readonly keep: (spec: ChannelSpec | number, time: number, text: string) => void;
  /** Box time at which this run of the process began. */
  readonly started: number;
  readonly utcOf: (boxTime: number) => number;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly channel: (id: number) => Channel | undefined;
  readonly channelNamed: (name: string) => Channel | undefined;
  readonly onProblem: (text: string) => void;
}

/** Who is to be told of samples that come after the sums of their cycle. */
export interface LateWatches {
  /** Of cycles of this run: by box time. */
  readonly own: LateWatch;
  /** Of earlier ones: by the stamps of devices, UTC. What is stamped as it arrives is never of their time. */
  readonly earlier: LateWatch;
}

/** A cycle that waits for its sums. */
interface WaitingCycle {
  readonly name: string;
  /** As stored. */
  readonly from: number;
  /** Of a cycle of this run, box time; of another, when it was in UTC. */
  readonly to: number | undefined;
  readonly utc: { readonly from: number; readonly to: number } | undefined;
  /** By the monotonic clock, milliseconds. */
  dueMs: number;
  tries: number;
}

/**
 * Makes the sums of cycles from what is kept of their time, once what was on its way had time to come: so they are those of a query over
 * the cycle, whatever the order in which its samples came. What a run of the process before this one left undone is done first.
 */
export class CycleSettling {
  readonly #parts: CycleSettlingParts;
  readonly #cycles: CyclesConfig;
  readonly #late: ReadonlyMap<string, LateWatches>;
  readonly #waiting: WaitingCycle[] = [];
  #reader: CycleReader | undefined;
  #hasRecalled = false;
  #running: Promise<void> | undefined;
  #isFull = false;
  #isFinished = false;
  readonly #tooMany = new Set<string>();

  constructor(parts: CycleSettlingParts, cycles: CyclesConfig) {
    this.#parts = parts;
    this.#cycles = cycles;
    this.#late = new Map(Object.keys(cycles).map((name) => [name, { own: new LateWatch(), earlier: new LateWatch() }]));
    for (const { earlier } of this.#late.values()) earlier.hold(parts.utcOf(parts.started));
  }

  lateOf(name: string): LateWatches {
    return this.#late.get(name) ?? { own: new LateWatch(), earlier: new LateWatch() };
  }

  /** Sums can be made from now on. */
  attach(reader: CycleReader): void {
    this.#reader = reader;
  }

  ended(name: string, { from, to }: EndedCycle): void {
    const seconds = this.#cycles[name]?.settleSeconds ?? SETTLE_SECONDS;
    const dueMs = this.#parts.monotonicMs() + seconds * 1e3;
    this.#wait({ name, from, to, utc: undefined, dueMs, tries: 0 });
  }

  /** To be called about once a second: makes what is due, one after the other, and resolves when that is done. */
  look(): Promise<void> {
    this.#tellLate();
    this.#running ??= this.#settleDue().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Nothing more is taken in: what waits is made now; what is not done by then is left to the next run. */
  async finish(limitMs: number): Promise<void> {
    for (const cycle of this.#waiting) cycle.dueMs = Number.NEGATIVE_INFINITY;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), limitMs);
    const overdue = new Promise<void>((done) => limit.signal.addEventListener('abort', () => done(), { once: true }));
    const made = async () => {
      await this.#running;
      await this.#settleDue();
    };
    await Promise.race([made(), overdue]);
    clearTimeout(timer);
    this.#isFinished = true;
    this.#tellLate();
  }

  #wait(cycle: WaitingCycle): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#waiting.shift();
      if (!this.#isFull)
        this.#parts.onProblem('cycles end faster than they can be summed; some have sums after a restart');
    }
    this.#isFull = this.#waiting.length >= WAITING_MAX;
    this.#waiting.push(cycle);
  }

  async #settleDue(): Promise<void> {
    await this.#recall();
    for (let cycle = this.#due(); cycle !== undefined; cycle = this.#due()) {
      try {
        if (!(await this.#settle(cycle))) return;
      } catch (error) {
        // Of the store: nothing that is not durable now will be. Of who reads: the next run asks again.
        this.#drop(cycle);
        this.#parts.onProblem(`cycles.${cycle.name}: no sums of one: ${messageOf(error)}`);
      }
    }
  }

  #drop(cycle: WaitingCycle): void {
    const at = this.#waiting.indexOf(cycle);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #due(): WaitingCycle | undefined {
    const now = this.#parts.monotonicMs();
    return this.#isFinished ? undefined : this.#waiting.find(({ dueMs }) => dueMs <= now);
  }

  /**
   * What earlier runs left undone: ends that nobody told are told now, and sums are made as of any other cycle. What comes late for those
   * that have sums is counted on.
   */
  async #recall(): Promise<void> {
    const { started, now, monotonicMs, channelNamed, keep, onProblem } = this.#parts;
    if (this.#hasRecalled || this.#reader === undefined) return;
    const all = await this.#reader.earlier(this.#cycles, started).catch((error: unknown) => {
      onProblem(`cycles: those of earlier runs are not known: ${messageOf(error)}`);
      return [];
    });
    if (all === undefined || this.#isFinished) return;
    this.#hasRecalled = true;
    for (const [name, { earlier }] of this.#late) {
      const own = all.filter((each) => each.name === name);
      earlier.recall(own.flatMap(({ from, utc, late }) => (late === undefined ? [] : { begin: from, ...utc, late })));
    }
    const unsettled = all.filter(({ late }) => late === undefined);
    for (const { name, utc, cause, late: _, ...begun } of unsettled) {
      const records = channelNamed(recordsName(name));
      const to = begun.from + utc.to - utc.from;
      if (cause !== undefined && records !== undefined) keep(records.id, now(), encodeEndAfterwards(begun, to, cause));
      this.#wait({ name, from: begun.from, to: undefined, utc, dueMs: monotonicMs(), tries: 0 });
    }
    if (unsettled.length > 0) this.#parts.intake.publish();
  }

  /** False where nobody can be asked now. */
  async #settle(cycle: WaitingCycle): Promise<boolean> {
    const { intake, utcOf, monotonicMs } = this.#parts;
    const { name, from, to } = cycle;
    // What is published before this is in the answer; what comes after it is late.
    const { own, earlier } = this.lateOf(name);
    const settled =
      cycle.utc === undefined
        ? own.settle({ begin: from, from, to: to ?? from })
        : earlier.settle({ begin: from, ...cycle.utc });
    await intake.durable(intake.publish());
    const utc = cycle.utc ?? { from: utcOf(from), to: utcOf(to ?? from) };
    const summary = this.#cycles[name]?.summary;
    const answer = await this.#reader?.sums({ ...utc, summary });
    if (answer === undefined || this.#isFinished) return false;
    cycle.tries += 1;
    if (settled.late > 0 && cycle.tries < TRIES_MAX) {
      cycle.dueMs = Math.max(cycle.dueMs, monotonicMs() + TRY_AGAIN_MS);
      return true;
    }
    this.#drop(cycle);
    this.#keepSums(cycle, answer, settled);
    return true;
  }

  /** The sums and the record that says so are in one commit. */
  #keepSums({ name, from, to }: WaitingCycle, { sums, others }: SumAnswer, settled: SettledCycle): void {
    const { intake, keep, now, channel: channelOf, channelNamed } = this.#parts;
    const records = channelNamed(recordsName(name));
    if (records === undefined) return;
    const time = to ?? now();
    for (const { channel: id, sum } of sums) {
      const channel = channelOf(id);
      if (channel !== undefined) keep(sumsSpec(name, channel), time, JSON.stringify(sum));
    }
    keep(records.id, time, encodeSummed(from));
    intake.publish();
    settled.isSummed = true;
    if (others === 0 || this.#tooMany.has(name)) return;
    this.#tooMany.add(name);
    const limit = `cycles.${name}: more than ${SUMMED_CHANNELS_MAX} channels`;
    this.#parts.onProblem(`${limit}; the others have no sums, \`summary\` chooses which have`);
  }

  #tellLate(): void {
    let isTold = false;
    for (const [name, { own, earlier }] of this.#late) {
      const records = this.#parts.channelNamed(recordsName(name));
      if (records === undefined) continue;
      for (const { begin, late } of [...own.takeLate(), ...earlier.takeLate()]) {
        this.#parts.keep(records.id, this.#parts.now(), encodeLate(begin, late));
        isTold = true;
      }
    }
    if (isTold) this.#parts.intake.publish();
  }
}
