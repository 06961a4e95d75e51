import { BackOff } from '../../hardware/serial/back-off.ts';
import type { UnitSettings } from './modbus-config.ts';
import { planReads, type ReadGroup, splitGroup } from './read-plan.ts';

/** Requests in a row that a unit may leave unanswered before it counts as dead and is asked with back-off. */
export const UNANSWERED_MAX = 3;

/** A read that is due again and again. */
export interface Poll {
  readonly unit: PolledUnit;
  readonly group: ReadGroup;
  /** Moment at which it is due, ms. */
  due: number;
}

/** A unit as it is polled. */
export interface PolledUnit {
  readonly settings: UnitSettings;
  /** Requests in a row that it left unanswered. */
  unanswered: number;
  /** Moment before which it is not asked, ms. */
  notBefore: number;
  readonly backOff: BackOff;
}

/** True where a unit did not answer so often that it is asked with back-off. */
export function isDead({ unanswered }: PolledUnit): boolean {
  return unanswered >= UNANSWERED_MAX;
}

/**
 * Which read comes next on a line that carries one at a time: the one that is due for longest, of the units that may be
 * asked. A unit that does not answer is asked again after the time that its answer may still take, so that a late answer
 * is not taken for that of another request; a dead one with back-off, so that it costs the others little. Reads no clock.
 */
export class PollSchedule {
  readonly units: readonly PolledUnit[];
  /** Reads that were due again before they were made: the line is too slow for what is asked of it. */
  missed = 0;
  #polls: Poll[];

  /** @param random numbers in [0, 1) for the jitter of the back-off */
  constructor(units: readonly UnitSettings[], random?: () => number) {
    this.units = units.map((settings) => ({ settings, unanswered: 0, notBefore: 0, backOff: new BackOff(random) }));
    this.#polls = this.units.flatMap((unit) =>
      planReads(unit.settings.points, unit.settings.gapMax).map((group) => ({ unit, group, due: 0 })),
    );
  }

  /** The line is there, anew: everything is due now, whatever was before. */
  begin(now: number): void {
    for (const poll of this.#polls) poll.due = now;
    for (const unit of this.units) {
      unit.unanswered = 0;
      unit.notBefore = now;
      unit.backOff.reset();
    }
  }

  /** The read that is next, and how long until then, ms; 0 where it is due. */
  next(now: number): { poll: Poll; waitMs: number } | undefined {
    let best: Poll | undefined;
    let bestAt = Number.POSITIVE_INFINITY;
    for (const poll of this.#polls) {
      const at = Math.max(poll.due, poll.unit.notBefore);
      // Of two that may be made now, the one that is due for longest; else the one that comes first.
      const isBetter = best === undefined || (at <= now && bestAt <= now ? poll.due < best.due : at < bestAt);
      if (!isBetter) continue;
      best = poll;
      bestAt = at;
    }
    return best === undefined ? undefined : { poll: best, waitMs: Math.max(0, bestAt - now) };
  }

  /** The unit answered: with data or with an exception. */
  answered(poll: Poll, now: number): void {
    const { unit } = poll;
    unit.unanswered = 0;
    unit.notBefore = now;
    unit.backOff.reset();
    this.missed += this.#again(poll, now);
  }

  /** No answer came, or none that could be used. */
  unanswered(poll: Poll, now: number): void {
    const { unit } = poll;
    unit.unanswered += 1;
    unit.notBefore = now + Math.max(unit.settings.timeoutMs, isDead(unit) ? unit.backOff.next() : 0);
    this.#again(poll, now);
  }

  /**
   * The unit does not have all of what a read asks for: each of its points is read for itself from here on, so that those
   * which it has are read. False where it is one point.
   */
  split(poll: Poll): boolean {
    if (poll.group.points.length === 1) return false;
    const { unit, due } = poll;
    this.#polls = this.#polls.flatMap((one) =>
      one === poll ? splitGroup(poll.group).map((group) => ({ unit, group, due })) : [one],
    );
    return true;
  }

  /** Puts a read to its next turn that has not passed yet; returns how many have. */
  #again(poll: Poll, now: number): number {
    const { everyMs } = poll.unit.settings;
    const passed = Math.floor((now - poll.due) / everyMs);
    poll.due += (passed + 1) * everyMs;
    return passed;
  }
}
