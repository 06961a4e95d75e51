import type { Random } from './random.ts';

/**
 * `silent`: a unit sends nothing (a frame, a tyre's camera, the receiver, the weather station). `open-circuit`: a
 * sensor's wire is broken; on CAN its raw number stands at the upper end, in a packed frame the sample is marked as not
 * taken. `stuck`: a sensor repeats its last raw number. `no-fix`: the receiver speaks but knows no position.
 */
export type FaultKind = 'silent' | 'open-circuit' | 'stuck' | 'no-fix';

/** One fault that was injected, and what it did. Times in microseconds of simulation. */
export interface Fault {
  readonly kind: FaultKind;
  /** Name of a unit, such as `chassis/Steering`, or of a sensor, such as `chassis/SteeringAngle`. */
  readonly target: string;
  readonly fromUs: number;
  readonly toUs: number;
  /** Frames, sentences or messages that were not sent because of it. */
  readonly lostUnits: number;
  /** Samples that were not sent because of it. */
  readonly lostSamples: number;
  /** Samples that were sent with a wrong value because of it. */
  readonly wrongSamples: number;
}

/** Where a fault strikes: what sends looks here before it does. */
export interface FaultSlot {
  readonly target: string;
  readonly kinds: readonly FaultKind[];
  fault: CountedFault | undefined;
}

export interface CountedFault extends Fault {
  lostUnits: number;
  lostSamples: number;
  wrongSamples: number;
}

/** Faults that are remembered; the oldest are forgotten first. */
const FAULTS_MAX = 8192;
/** Faults that are planned and have not begun. At the maximum: further ones are refused. */
const WAITING_MAX = 1024;
/** Mean time between faults that come by themselves, and how long they last, seconds. */
const MEAN_BETWEEN_S = 18;
const SHORTEST_S = 0.03;
const MEAN_LENGTH_S = 0.5;
const LONGEST_S = 4;
const STEP_US = 1000;
/** Share of the faults that are drawn among units, of which there are few, and not among everything. */
const UNIT_SHARE = 0.5;

/** Lets faults strike and end, by chance or on command. */
export class Faults {
  /** Every fault that has begun, the newest last. */
  readonly struck: Fault[] = [];
  readonly #slots = new Map<string, FaultSlot>();
  readonly #targets: FaultSlot[] = [];
  readonly #random: Random;
  readonly #byChance: boolean;
  readonly #waiting: CountedFault[] = [];
  #active: CountedFault[] = [];
  #nextUs: number;

  /** @param byChance false: only what is injected */
  constructor(random: Random, byChance: boolean) {
    this.#random = random;
    this.#byChance = byChance;
    this.#nextUs = this.#later(0);
  }

  /** Makes the place where faults of `target` strike. */
  slot(target: string, kinds: readonly FaultKind[]): FaultSlot {
    if (this.#slots.has(target)) throw new Error(`two things are called ${target}`);
    const slot: FaultSlot = { target, kinds, fault: undefined };
    this.#slots.set(target, slot);
    this.#targets.push(slot);
    return slot;
  }

  /** Plans a fault. Throws where there is no such target or it cannot have that fault. */
  inject(kind: FaultKind, target: string, fromUs: number, toUs: number): void {
    const slot = this.#slots.get(target);
    if (slot === undefined || !slot.kinds.includes(kind)) {
      throw new RangeError(
        `${target} cannot be ${kind}; it can be ${slot?.kinds.join(' or ') ?? 'nothing, there is none'}`,
      );
    }
    if (this.#waiting.length === WAITING_MAX) throw new RangeError(`${WAITING_MAX} faults are planned already`);
    this.#waiting.push({ kind, target, fromUs, toUs, lostUnits: 0, lostSamples: 0, wrongSamples: 0 });
    this.#waiting.sort((a, b) => a.fromUs - b.fromUs);
  }

  /** Brings everything to `nowUs`, the beginning of a step. */
  advance(nowUs: number): void {
    if (this.#active.some((fault) => fault.toUs <= nowUs)) this.#end(nowUs);
    while (this.#byChance && this.#nextUs <= nowUs) {
      this.#strikeByChance(this.#nextUs);
      this.#nextUs = this.#later(this.#nextUs);
    }
    for (let next = this.#waiting[0]; next !== undefined && next.fromUs <= nowUs; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#strike(next);
    }
  }

  #strikeByChance(fromUs: number): void {
    const targets = this.#random.unit() < UNIT_SHARE ? this.#targets.filter(isUnit) : this.#targets;
    const slot = targets[this.#random.below(targets.length)];
    const kind = slot?.kinds[this.#random.below(slot.kinds.length)];
    const length = Math.min(LONGEST_S, SHORTEST_S + this.#random.exponential(MEAN_LENGTH_S));
    if (slot === undefined || kind === undefined) return;
    const toUs = fromUs + Math.ceil(length * 1000) * STEP_US;
    this.#strike({ kind, target: slot.target, fromUs, toUs, lostUnits: 0, lostSamples: 0, wrongSamples: 0 });
  }

  /** A target has one fault at a time: a second one while the first lasts does not strike. */
  #strike(fault: CountedFault): void {
    const slot = this.#slots.get(fault.target);
    if (slot === undefined || slot.fault !== undefined) return;
    slot.fault = fault;
    this.#active.push(fault);
    this.struck.push(fault);
    if (this.struck.length > FAULTS_MAX) this.struck.shift();
  }

  #end(nowUs: number): void {
    for (const fault of this.#active) {
      const slot = this.#slots.get(fault.target);
      if (fault.toUs <= nowUs && slot?.fault === fault) slot.fault = undefined;
    }
    this.#active = this.#active.filter((fault) => fault.toUs > nowUs);
  }

  #later(nowUs: number): number {
    return nowUs + Math.ceil(this.#random.exponential(MEAN_BETWEEN_S) * 1000) * STEP_US;
  }
}

function isUnit(slot: FaultSlot): boolean {
  return slot.kinds.includes('silent');
}
