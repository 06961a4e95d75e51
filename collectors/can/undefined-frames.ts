import { FRAME_EXTENDED, type FrameBatch } from '../../hardware/can/can-frame.ts';
import type { CollectorCounters } from '../collector.ts';
import { frameKey } from './dictionary.ts';
import type { RawFrames } from './raw-frames.ts';

/** Frames that nothing decodes which are kept of a live source in a second; further ones are counted. `raw: true` has no such bound. */
export const UNDEFINED_FRAMES_PER_SECOND_MAX = 1000;

/** Identifiers that are told apart in counts. */
const IDENTIFIERS_MAX = 65_536;

const SECOND_US = 1e6;

/** Frames of a source that nothing decodes: counted by identifier and, where the source has it so, kept as they came. */
export class UndefinedFrames {
  readonly #counters: CollectorCounters;
  readonly #raw: RawFrames | undefined;
  readonly #perSecondMax: number;
  /** By index of the bus, then by frame key. */
  readonly #counts: Map<number, number>[] = [];
  #identifiers = 0;
  #secondSince = Number.NEGATIVE_INFINITY;
  #inSecond = 0;

  /** @param raw where they are kept; undefined: nowhere */
  constructor(counters: CollectorCounters, raw?: RawFrames, perSecondMax = Number.POSITIVE_INFINITY) {
    this.#counters = counters;
    this.#raw = raw;
    this.#perSecondMax = perSecondMax;
  }

  /**
   * Takes data frame `i`, stamped `time`, microseconds.
   * @param isWhole whether it is a message of its own, and not a part of a longer one, which is counted when it is complete
   * @returns false when it should have been kept and could not
   */
  take(frames: FrameBatch, i: number, time: number, isWhole = true): boolean {
    this.#count(frames, i);
    const isKept = this.#raw === undefined || this.#hasTurn(time);
    if (!isKept) this.#counters.error('no-definition-not-kept');
    else if (isWhole) this.#counters.error('no-definition');
    return !isKept || this.#raw === undefined || this.#raw.push(frames, i, time);
  }

  /** The identifier that came most often, for people: `can0 223, 2487 frames; and 29 more`. @param names of the buses */
  place(names: readonly string[]): string | undefined {
    let most = { bus: 0, key: 0, count: 0 };
    for (const [bus, counts] of this.#counts.entries()) {
      for (const [key, count] of counts ?? []) if (count > most.count) most = { bus, key, count };
    }
    if (most.count === 0) return undefined;
    const { bus, key, count } = most;
    const id = key < 0 ? (~key).toString(16).padStart(8, '0') : key.toString(16).padStart(3, '0');
    const others = this.#identifiers - 1;
    const more = others === 0 ? '' : `; and ${others} more ${others === 1 ? 'identifier' : 'identifiers'}`;
    return `${names[bus] ?? ''} ${id.toUpperCase()}, ${count} ${count === 1 ? 'frame' : 'frames'}${more}`.trimStart();
  }

  #count(frames: FrameBatch, i: number): void {
    const bus = frames.interfaces[i] as number;
    let counts = this.#counts[bus];
    if (counts === undefined) {
      counts = new Map();
      this.#counts[bus] = counts;
    }
    const key = frameKey(frames.ids[i] as number, ((frames.flags[i] as number) & FRAME_EXTENDED) !== 0);
    const known = counts.get(key);
    if (known !== undefined) counts.set(key, known + 1);
    else if (this.#identifiers < IDENTIFIERS_MAX) {
      this.#identifiers += 1;
      counts.set(key, 1);
    }
  }

  /** Whether one more may be kept in the second that `time` is in. */
  #hasTurn(time: number): boolean {
    if (!(time >= this.#secondSince && time - this.#secondSince < SECOND_US)) {
      this.#secondSince = time;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    return this.#inSecond <= this.#perSecondMax;
  }
}
