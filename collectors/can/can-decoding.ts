import type { SampleSink } from '../../gateway/intake.ts';
import type { FrameBatch } from '../../hardware/can/can-frame.ts';
import type { CollectorCounters } from '../collector.ts';
import { bitratesOf, type CanSettings } from './can-config.ts';
import { CanInterface } from './can-interface.ts';
import type { Dictionaries } from './dictionary.ts';
import type { LiveClock } from './nmea2000/nmea2000-samples.ts';
import type { ObdTester } from './obd/obd-replies.ts';
import { UndefinedFrames } from './undefined-frames.ts';

/** What frames have beside their decoding when they come, and not when they are decoded anew. */
export interface DecodingParts {
  /** Where frames go that nothing decodes; without it they are counted. */
  readonly undefinedFrames?: UndefinedFrames | undefined;
  /** The box itself where it asks a car for OBD-II. */
  readonly tester?: ObdTester | undefined;
  /** That of the box where the bus is live. */
  readonly clock?: LiveClock | undefined;
}

/** Turns the frames of a source's buses into samples: those of a wire and those that were kept raw alike. */
export class CanDecoding {
  readonly #settings: CanSettings;
  readonly #source: string;
  readonly #dictionaries: Dictionaries;
  /** Names of the buses; it only grows, and frames index into it. */
  readonly #names: readonly string[];
  readonly #sink: SampleSink;
  readonly #counters: CollectorCounters;
  readonly #parts: DecodingParts;
  readonly #undefinedFrames: UndefinedFrames;
  /** By index of the bus; null for one that is not wanted. */
  readonly #interfaces: (CanInterface | null)[] = [];

  constructor(
    settings: CanSettings,
    source: string,
    dictionaries: Dictionaries,
    names: readonly string[],
    sink: SampleSink,
    counters: CollectorCounters,
    parts: DecodingParts = {},
  ) {
    this.#parts = parts;
    this.#undefinedFrames = parts.undefinedFrames ?? new UndefinedFrames(counters);
    this.#settings = settings;
    this.#source = source;
    this.#dictionaries = dictionaries;
    this.#names = names;
    this.#sink = sink;
    this.#counters = counters;
  }

  /** The buses that are wanted, of those asked for so far. */
  *interfaces(): IterableIterator<CanInterface> {
    for (const one of this.#interfaces) if (one !== null && one !== undefined) yield one;
  }

  /**
   * Pushes the samples of frame `i`, stamped `time`, microseconds.
   * @returns false when one of them could not be taken
   */
  take(frames: FrameBatch, i: number, time: number): boolean {
    const one = this.interface(frames.interfaces[i] as number);
    if (one !== null) return one.take(frames, i, time);
    this.#counters.error('other-interface');
    return true;
  }

  /** The bus of that index; null where the config does not want it. */
  interface(index: number): CanInterface | null {
    const known = this.#interfaces[index];
    if (known !== undefined) return known;
    const made = this.#make(this.#names[index] ?? '', index);
    this.#interfaces[index] = made;
    return made;
  }

  #make(name: string, index: number): CanInterface | null {
    const { interfaces, bus, protocol, obd, timestamp, prefix } = this.#settings;
    const wanted = interfaces?.[name];
    if (interfaces !== undefined && wanted === undefined) return null;
    const segment = interfaces === undefined && index === 0 ? [] : [wanted?.name ?? name];
    const about = {
      path: [prefix ?? this.#source, ...segment].join('/'),
      source: this.#source,
      stamp: timestamp,
      dictionary: this.#dictionaries.of(name),
      protocol,
      obd: obd !== undefined,
      tester: this.#parts.tester,
      clock: this.#parts.clock,
      undefinedFrames: this.#undefinedFrames,
      ...bitratesOf(bus),
    };
    return new CanInterface(about, this.#sink, this.#counters);
  }
}
