import {
  CONFIRMED_CODES,
  CURRENT_DATA,
  FREEZE_CODE,
  FREEZE_FRAME,
  PENDING_CODES,
  PERMANENT_CODES,
  SUPPORTED,
  VEHICLE_INFORMATION,
  VIN,
} from './obd-services.ts';

/** One request. */
export interface ObdRequest {
  readonly service: number;
  /** Undefined of services that have none. */
  readonly pid: number | undefined;
}

/** Rounds without an answer after which something is asked for only now and then: most cars lack most PIDs. */
const SILENT_ROUNDS_MAX = 3;
/** Of rounds, which one that is. */
const SILENT_EVERY = 50;

/** Longest time between two frames of a long answer (N_Cr), milliseconds. */
const FRAME_SILENCE_MS = 1000;
/** Longest time until a unit answers that said it needs longer (P2*), milliseconds. */
const PENDING_MS = 5000;

interface Question extends ObdRequest {
  /** Time between two askings once it is answered, milliseconds; infinite: it does not change. */
  readonly everyMs: number;
  /** Times it was asked since it was answered. */
  silent: number;
  /** Earliest time of the next asking, milliseconds. */
  due: number;
}

/**
 * What is asked next. First which quantities the car's units have, and its VIN; then the wanted quantities round and round,
 * those left out that no unit has, and trouble codes now and then. When a unit has kept a freeze frame of a code, the quantities
 * of it are asked for once. While a unit is answering nothing is asked.
 */
export class ObdSchedule {
  readonly #pids: readonly number[];
  #questions: Question[] = [];
  #next = 0;
  #round = 0;
  /** PIDs of service 01 that some unit has, and those of which it is known. */
  readonly #has = new Set<number>();
  readonly #isKnown = new Set<number>();
  /** Code of the frozen frame that was asked for, by unit. */
  readonly #frozen = new Map<number, number>();
  /** Until when a unit may go on answering, milliseconds, by its identifier. */
  readonly #answering = new Map<number, number>();

  /**
   * @param pids wanted, of service 01
   * @param codesEveryMs time between two askings for trouble codes, milliseconds; infinite: they are not asked for
   */
  constructor(pids: readonly number[], codesEveryMs: number) {
    this.#pids = pids;
    const once = Number.POSITIVE_INFINITY;
    this.#ask(CURRENT_DATA, SUPPORTED[0], once);
    this.#ask(VEHICLE_INFORMATION, VIN, once);
    if (codesEveryMs < once) {
      for (const service of [CONFIRMED_CODES, PENDING_CODES, PERMANENT_CODES])
        this.#ask(service, undefined, codesEveryMs);
      this.#ask(FREEZE_FRAME, FREEZE_CODE, codesEveryMs);
    }
    for (const pid of pids) this.#ask(CURRENT_DATA, pid, 0);
  }

  /**
   * The request that is due, which counts as asked.
   * @param now milliseconds
   */
  next(now: number): ObdRequest | undefined {
    for (const until of this.#answering.values()) if (until > now) return undefined;
    for (let tried = this.#questions.length; tried > 0; tried--) {
      const question = this.#questions[this.#next] as Question;
      const isWorthIt = question.silent < SILENT_ROUNDS_MAX || this.#round % SILENT_EVERY === 0;
      this.#next += 1;
      if (this.#next === this.#questions.length) {
        this.#next = 0;
        this.#round += 1;
      }
      if (question.due > now || !isWorthIt || this.#isMissing(question)) continue;
      question.silent += 1;
      return question;
    }
    return undefined;
  }

  /** A unit answered. */
  answered(service: number, pid: number | undefined, now: number): void {
    const question = this.#find(service, pid);
    if (question === undefined) return;
    question.silent = 0;
    question.due = now + question.everyMs;
  }

  /** A unit has, of the 32 PIDs behind `base`, those whose bits are set, the highest first. */
  supports(base: number, bits: number): void {
    for (let n = 1; n <= 32; n++) {
      this.#isKnown.add(base + n);
      if (((bits >>> (32 - n)) & 1) === 1) this.#has.add(base + n);
    }
    const further = base + 32;
    if (this.#has.has(further) && SUPPORTED.includes(further))
      this.#ask(CURRENT_DATA, further, Number.POSITIVE_INFINITY);
  }

  /** A unit has kept a frame of `code`; 0: it has none. */
  froze(unit: number, code: number): void {
    if (this.#frozen.get(unit) === code) return;
    this.#frozen.set(unit, code);
    if (code === 0) return;
    for (const pid of this.#pids) {
      const question = this.#ask(FREEZE_FRAME, pid, Number.POSITIVE_INFINITY);
      question.due = 0;
      question.silent = 0;
    }
  }

  /** A unit has begun a long answer, or gone on with one. */
  goesOn(unit: number, now: number): void {
    this.#answering.set(unit, now + FRAME_SILENCE_MS);
  }

  /** A unit needs longer than usual to answer. */
  needsLonger(unit: number, now: number): void {
    this.#answering.set(unit, now + PENDING_MS);
  }

  /** A unit's answer is whole. */
  finished(unit: number): void {
    this.#answering.delete(unit);
  }

  #ask(service: number, pid: number | undefined, everyMs: number): Question {
    const known = this.#find(service, pid);
    if (known !== undefined) return known;
    const question = { service, pid, everyMs, silent: 0, due: 0 };
    this.#questions = [...this.#questions, question];
    return question;
  }

  #find(service: number, pid: number | undefined): Question | undefined {
    return this.#questions.find((each) => each.service === service && each.pid === pid);
  }

  /** Whether the car said that no unit has it. */
  #isMissing({ service, pid }: ObdRequest): boolean {
    return service === CURRENT_DATA && pid !== undefined && this.#isKnown.has(pid) && !this.#has.has(pid);
  }
}
