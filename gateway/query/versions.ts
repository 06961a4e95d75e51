import type { Stamp } from '../channel.ts';
import type { Derivation, Span } from '../store/derivation.ts';
import type { BlockSource } from './block-source.ts';
import type { Samples } from './telemetry.ts';

/** Stored times of which samples are shown: spans that do not touch, ascending. */
export type Shown = readonly Span[];

/** Every sample of a boot is shown. */
export const SHOWN_ALL: Shown = [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];
const SHOWN_NOTHING: Shown = [];

/** Answers remembered, one for each channel, boot, stamp and version asked for. At the maximum: all are worked out anew. */
const ANSWERS_MAX = 65_536;

/**
 * Which samples of which boot are shown in a version: of each channel and boot the newest derivation that covers a time, up
 * to that version, and elsewhere what was taken in. Version 0 is what was taken in. A boot of derived samples of which the
 * derivation is not known yet shows nothing: it is being written, or on its way.
 */
export class Versions {
  readonly #origins = new Map<number, number>();
  readonly #byBoot = new Map<number, Derivation>();
  /** By origin, in any order. */
  readonly #byOrigin = new Map<number, Derivation[]>();
  readonly #known = new Map<string, Shown>();
  #bootPosition = 0;
  #position = 0;

  /** Takes in what was kept since the last call; true where that may change what is shown. */
  poll(blocks: BlockSource): boolean {
    const { boots, position } = blocks.derivedBootsAfter(this.#bootPosition);
    const made = blocks.derivationsAfter(this.#position);
    this.#bootPosition = position;
    this.#position = made.position;
    this.addBoots(boots);
    this.add(made.derivations);
    return boots.length + made.derivations.length > 0;
  }

  /** Takes in boots of derived samples, whose derivations may follow later. */
  addBoots(boots: readonly { readonly boot: number; readonly origin: number }[]): void {
    for (const { boot, origin } of boots) this.#origins.set(boot, origin);
  }

  add(derivations: readonly Derivation[]): void {
    if (derivations.length === 0) return;
    for (const derivation of derivations) {
      this.#byBoot.set(derivation.boot, derivation);
      const siblings = this.#byOrigin.get(derivation.origin) ?? [];
      this.#byOrigin.set(derivation.origin, [...siblings, derivation]);
    }
    this.#known.clear();
  }

  isDerived(boot: number): boolean {
    return this.#origins.has(boot);
  }

  /** Every derivation, oldest first. */
  all(): Derivation[] {
    return [...this.#byBoot.values()].sort((a, b) => a.boot - b.boot);
  }

  /** Which samples of a channel and boot are shown. */
  shown(channel: number, boot: number, stamp: Stamp, version: number): Shown {
    const origin = this.#origins.get(boot);
    if (origin === undefined && !this.#byOrigin.has(boot)) return SHOWN_ALL;
    const key = `${channel} ${boot} ${stamp} ${version}`;
    let shown = this.#known.get(key);
    if (shown === undefined) {
      shown = this.#shown(channel, boot, origin, stamp, version);
      if (this.#known.size >= ANSWERS_MAX) this.#known.clear();
      this.#known.set(key, shown);
    }
    return shown;
  }

  #shown(channel: number, boot: number, origin: number | undefined, stamp: Stamp, version: number): Shown {
    let own = 0;
    let shown = SHOWN_ALL;
    if (origin !== undefined) {
      const derivation = this.#byBoot.get(boot);
      if (derivation === undefined || derivation.version > version) return SHOWN_NOTHING;
      own = derivation.version;
      shown = derivation.spans[stamp];
    }
    for (const newer of this.#byOrigin.get(origin ?? boot) ?? []) {
      if (newer.version <= own || newer.version > version || !newer.channels.includes(channel)) continue;
      for (const span of newer.spans[stamp]) shown = without(shown, span);
    }
    return shown;
  }
}

/** What is left of spans when one is taken out. */
function without(spans: Shown, taken: Span): Shown {
  return spans.flatMap(({ from, to }) =>
    [
      { from, to: Math.min(to, taken.from) },
      { from: Math.max(from, taken.to), to },
    ].filter((left) => left.from < left.to),
  );
}

/** How much of the stored times [timeMin, timeMax], both inclusive, is shown. */
export function howMuch(shown: Shown, timeMin: number, timeMax: number): 'all' | 'some' | 'none' {
  for (const { from, to } of shown) {
    if (timeMin >= from && timeMax < to) return 'all';
    if (timeMax >= from && timeMin < to) return 'some';
  }
  return 'none';
}

/** True where a sample with that stored time is shown. */
export function isShown(shown: Shown, time: number): boolean {
  return shown.some(({ from, to }) => time >= from && time < to);
}

/** The samples that are shown, times as stored, in their order; undefined where there is none. */
export function shownOf(shown: Shown, samples: Samples): Samples | undefined {
  if (shown === SHOWN_ALL) return samples;
  const { times, values, late } = samples;
  const taken = Uint32Array.from(times.keys()).filter((i) => isShown(shown, times[i] as number));
  if (taken.length === 0) return undefined;
  if (taken.length === times.length) return samples;
  return {
    times: Float64Array.from(taken, (i) => times[i] as number),
    values: picked(values, taken),
    late: late && Uint8Array.from(taken, (i) => late[i] as number),
  };
}

/** Values at some indexes, bit for bit. */
function picked(values: Float64Array | readonly string[], indexes: Uint32Array): Float64Array | readonly string[] {
  if (!(values instanceof Float64Array)) return Array.from(indexes, (i) => values[i] as string);
  // Moved as bit patterns: a NaN's payload must not pass through a number.
  const bits = new BigUint64Array(values.buffer, values.byteOffset, values.length);
  return new Float64Array(BigUint64Array.from(indexes, (i) => bits[i] as bigint).buffer);
}
