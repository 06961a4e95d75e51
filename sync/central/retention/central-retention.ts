import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../../../gateway/errors.ts';
import { dayText, nextDay } from './retention-calendar.ts';
import { type LimitedDays, type UnmetLimit, unmetName, unmetText } from './retention-limits.ts';
import { type DaysOf, dayOf } from './retention-rules.ts';
import { NOTHING_RETIRED, type Retired, type RetiringStore } from './retiring-store.ts';

/** Time between the beginnings of two looks for what is due, and before the first, milliseconds. */
const LOOK_INTERVAL_MS = 3_600_000;
const FIRST_LOOK_MS = 60_000;

/** Time between two steps, milliseconds: a pull that waits comes first. */
const STEP_INTERVAL_MS = 20;

/** What limits leave of the days of rules; undefined where they take nothing. @param between awaited while the store is read */
export type LimitedDaysOf = (today: number, between: () => Promise<unknown>) => Promise<LimitedDays | undefined>;

export interface CentralRetentionParts {
  readonly store: RetiringStore;
  readonly daysOf: DaysOf;
  /** What limits leave of those days; missing where there are none. */
  readonly limited?: LimitedDaysOf;
  /** UTC, milliseconds. */
  readonly now: () => number;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
  /** Milliseconds before the first look and between two; an hour unless a test is in a hurry. */
  readonly firstLookMs?: number;
  readonly lookIntervalMs?: number;
}

/** What went, and of it what a limit took. */
export interface RetiredWhy extends Retired {
  readonly byLimit: Retired;
}

/** Retires what the rules and limits of a central say, in small steps while it does other things. */
export class CentralRetention {
  readonly #parts: CentralRetentionParts;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #retired: RetiredWhy = { ...NOTHING_RETIRED, byLimit: NOTHING_RETIRED };
  #unmet = '';

  constructor(parts: CentralRetentionParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves once the step that is under way is made. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** What went since the start. */
  status(): RetiredWhy {
    return this.#retired;
  }

  async #run(): Promise<void> {
    const { firstLookMs = FIRST_LOOK_MS, lookIntervalMs = LOOK_INTERVAL_MS, onProblem } = this.#parts;
    let wait = firstLookMs;
    while (await this.#waited(wait)) {
      wait = lookIntervalMs;
      try {
        await this.#look();
      } catch (error) {
        onProblem(`retention waits for the next look: ${messageOf(error)}`);
      }
    }
  }

  async #look(): Promise<void> {
    const today = await this.#today();
    if (!(await this.#retire(this.#parts.daysOf, today, false))) return;
    const limited = await this.#parts.limited?.(today, () => this.#waited(STEP_INTERVAL_MS));
    this.#tellUnmet(limited?.unmet ?? []);
    if (limited !== undefined) await this.#retire(limited.daysOf, today, true);
  }

  /** False where it is to stop. */
  async #retire(daysOf: DaysOf, today: number, isByLimit: boolean): Promise<boolean> {
    for await (const step of this.#parts.store.retire({ daysOf, today })) {
      const { byLimit } = this.#retired;
      this.#retired = { ...added(this.#retired, step), byLimit: isByLimit ? added(byLimit, step) : byLimit };
      if (!(await this.#waited(STEP_INTERVAL_MS))) return false;
    }
    return true;
  }

  /** Once, as long as it stays the same. */
  #tellUnmet(unmet: readonly UnmetLimit[]): void {
    const text = unmet.map(({ limit }) => unmetName(limit)).join(', ');
    if (text === this.#unmet) return;
    this.#unmet = text;
    for (const each of unmet) this.#parts.onProblem(unmetText(each));
  }

  /** By which ages count now, durable before anything goes by it. */
  async #today(): Promise<number> {
    const { store, now, onProblem } = this.#parts;
    const before = await store.calendar();
    const calendar = nextDay(dayOf(now()), before);
    if (before?.clock === calendar.clock) return calendar.day;
    await store.keepCalendar(calendar);
    if (calendar.day === before?.day && calendar.clock > before.clock) {
      const clock = `the clock says ${dayText(calendar.clock)}, ${calendar.clock - before.clock} days after the last look`;
      onProblem(`retention goes on by ${dayText(calendar.day)} and catches up by a day a day: ${clock}. Is it right?`);
    }
    return calendar.day;
  }

  /** False where it is to stop. */
  async #waited(ms: number): Promise<boolean> {
    const { signal } = this.#stopping;
    await setTimeout(ms, undefined, { signal, ref: false }).catch(() => {});
    return !signal.aborted;
  }
}

function added(one: Retired, { packs, samples, bytes }: Retired): Retired {
  return { packs: one.packs + packs, samples: one.samples + samples, bytes: one.bytes + bytes };
}
