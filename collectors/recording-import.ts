import type { SampleSink } from '../gateway/intake.ts';
import type { Recipe } from '../gateway/store/derivation.ts';
import { readPieces } from '../hardware/serial/log-port.ts';
import { CollectorCounters } from './collector.ts';

/** A recording that is taken in at once and not played: samples have its own times, UTC in microseconds. */
export interface RecordingImport {
  /** What decides which samples come out, beside the recording itself. */
  readonly recipe: Recipe;
  /** What the recording is, for people: `Vector BLF`. */
  readonly format: string;
  /** Units read: frames, sentences, lines, rows. */
  readonly received: number;
  /** Units that could not be used, by reason. */
  readonly errors: Readonly<Record<string, number>>;
  /** Where the first of each reason stands in the recording, as `line 17` or `byte 4096`. */
  readonly errorPlaces: Readonly<Record<string, string>>;

  /**
   * Pushes every sample, and tells after each piece which share of the recording was read, 0 to 1. What has no time is
   * pushed with a time that is none, and is the sink's to refuse.
   * @throws CaissonError where the recording cannot be read at all; damage within is counted
   */
  run(sink: SampleSink): AsyncGenerator<number, void, undefined>;
}

/** What is in a file, read once before it is imported. */
export interface RecordingContent {
  readonly path: string;
  /** Its bytes, unpacked, as far as they can be read. */
  readonly bytes: number;
}

/** Counters that remember where the first unit of each reason stands. */
export class PlacedCounters extends CollectorCounters {
  readonly places: Record<string, string> = {};
  readonly #unit: 'line' | 'byte';
  /** Number of the line, or of the first byte, at hand. */
  at = 0;

  constructor(unit: 'line' | 'byte') {
    super();
    this.#unit = unit;
  }

  override error(reason: string, units = 1): void {
    super.error(reason, units);
    this.places[reason] ??= `${this.#unit} ${this.at}`;
  }
}

/** The bytes of a recording, unpacked, as far as they can be read; `onBroken` is told where that is not the end. */
export async function* readableBytes(
  path: string,
  onBroken: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of await readPieces(path)) yield piece as Uint8Array;
  } catch (error) {
    onBroken(error);
  }
}
