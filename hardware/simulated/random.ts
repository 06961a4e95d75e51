/**
 * Seeded random numbers (sfc32): the same seed gives the same numbers on every machine. Each part of a simulation draws
 * from its own {@link Random.fork}, so that a change in one part leaves the numbers of all others as they were.
 */
export class Random {
  readonly #key: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  #spare = Number.NaN;

  /** @param seed any number; its integer part below 2^53 counts */
  constructor(seed: number) {
    const whole = Math.trunc(seed);
    this.#key = mix((whole >>> 0) ^ mix(Math.trunc(whole / 2 ** 32) >>> 0));
    this.#a = mix(this.#key ^ 0x9e3779b9);
    this.#b = mix(this.#key ^ 0x243f6a88);
    this.#c = mix(this.#key ^ 0xb7e15162);
    for (let round = 0; round < 12; round++) this.bits();
  }

  /** An independent stream that depends on this one's seed and on `label`, not on what was drawn before. */
  fork(label: string): Random {
    let hash = this.#key;
    for (let i = 0; i < label.length; i++) hash = mix(hash ^ label.charCodeAt(i));
    return new Random(hash);
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.bits() / 2 ** 32;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** Whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  /** Normally distributed, mean 0, standard deviation 1 (Marsaglia's polar method, two at a time). */
  gaussian(): number {
    if (!Number.isNaN(this.#spare)) {
      const spare = this.#spare;
      this.#spare = Number.NaN;
      return spare;
    }
    let x: number;
    let y: number;
    let square: number;
    do {
      x = 2 * this.unit() - 1;
      y = 2 * this.unit() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const scale = Math.sqrt((-2 * Math.log(square)) / square);
    this.#spare = y * scale;
    return x * scale;
  }

  /** Exponentially distributed with that mean: the wait for the next of independent events. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }
}

function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  value = Math.imul(value ^ (value >>> 15), 0x735a2d97);
  return (value ^ (value >>> 15)) >>> 0;
}

/** Noise with a memory: wanders around 0 with standard deviation 1 and forgets within `memory` (seconds or metres). */
export class Wander {
  readonly #random: Random;
  readonly #memory: number;
  value: number;

  constructor(random: Random, memory: number) {
    this.#random = random;
    this.#memory = memory;
    this.value = random.gaussian();
  }

  /** Moves on by `step`, in the unit of `memory`. */
  advance(step: number): number {
    const keep = Math.exp(-step / this.#memory);
    this.value = this.value * keep + Math.sqrt(1 - keep * keep) * this.#random.gaussian();
    return this.value;
  }
}
