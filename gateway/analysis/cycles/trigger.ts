import type { CycleConfig } from './cycles-config.ts';

/** Characters of a label. Beyond: cut. */
const LABEL_CHARACTERS_MAX = 256;

/** Where a cycle ends or begins. */
export interface Passage {
  readonly ends: boolean;
  readonly begins: boolean;
  /** False where the cycle had begun before anything was heard of it. */
  readonly isSeen: boolean;
  /** Number of the cycle that begins; undefined: it is counted. */
  readonly number?: number;
  readonly label?: string;
}

/** Says of the samples of one channel, one after the other, where cycles end and begin. */
export interface Trigger {
  /** @param mayPass false where the cycle that is open may not end yet: then nothing is returned, or it comes later */
  look(value: number | string, mayPass: boolean): Passage | undefined;
}

const NEXT: Passage = { ends: true, begins: true, isSeen: true };

/** The trigger that a config asks for. */
export function triggerOf(config: CycleConfig): Trigger {
  switch (config.trigger) {
    case 'value':
      return new ValueTrigger();
    case 'sample':
      return { look: (_, mayPass) => (mayPass ? NEXT : undefined) };
    case 'rising':
    case 'falling':
      return new EdgeTrigger(levelOf(config));
    default:
      return new LevelTrigger(levelOf(config));
  }
}

/** A new value begins a cycle. */
class ValueTrigger implements Trigger {
  #value: number | string | undefined;

  look(value: number | string, mayPass: boolean): Passage | undefined {
    if (value === this.#value || !isValue(value) || !mayPass) return undefined;
    const isSeen = this.#value !== undefined;
    this.#value = value;
    const named = typeof value === 'string' ? { label: value.slice(0, LABEL_CHARACTERS_MAX) } : { number: value };
    return { ends: true, begins: true, isSeen, ...named };
  }
}

/** What is not finite numbers nothing. */
function isValue(value: number | string): boolean {
  return typeof value === 'string' || Number.isFinite(value);
}

/** Each crossing begins a cycle. */
class EdgeTrigger implements Trigger {
  readonly #level: Level;

  constructor(level: Level) {
    this.#level = level;
  }

  look(value: number | string, mayPass: boolean): Passage | undefined {
    const before = this.#level.isIn;
    return this.#level.look(value) && before === false && mayPass ? NEXT : undefined;
  }
}

/** A cycle lasts as long as the level. */
class LevelTrigger implements Trigger {
  readonly #level: Level;
  #isOpen = false;

  constructor(level: Level) {
    this.#level = level;
  }

  look(value: number | string, mayPass: boolean): Passage | undefined {
    const isSeen = this.#level.isIn !== undefined;
    const isIn = this.#level.look(value);
    if (isIn === undefined || isIn === this.#isOpen || !mayPass) return undefined;
    this.#isOpen = isIn;
    return { ends: !isIn, begins: isIn, isSeen };
  }
}

type Edge = Extract<CycleConfig, { threshold: number }>;

function levelOf({ trigger, threshold, hysteresis = 0 }: Edge): Level {
  const sign = trigger === 'rising' || trigger === 'above' ? 1 : -1;
  return new Level(sign, sign * threshold, hysteresis);
}

/** On which side of a threshold a channel is. */
class Level {
  readonly #sign: number;
  readonly #enters: number;
  readonly #leaves: number;
  /** Undefined before the first sample. */
  isIn: boolean | undefined;

  constructor(sign: number, threshold: number, hysteresis: number) {
    this.#sign = sign;
    this.#enters = threshold;
    this.#leaves = threshold - hysteresis;
  }

  /** Whether it is in with this sample; what is no number changes nothing. */
  look(value: number | string): boolean | undefined {
    if (typeof value === 'string' || Number.isNaN(value)) return this.isIn;
    const level = this.#sign * value;
    this.isIn = this.isIn === true ? level >= this.#leaves : level >= this.#enters;
    return this.isIn;
  }
}
