import type { Stamp } from '../gateway/channel.ts';
import type { SampleSink } from '../gateway/intake.ts';

/** A source as it is configured, of which raw samples are to be decoded anew. */
export interface RedecoderContext {
  /** Name of the configured source. */
  readonly source: string;
  /** Stamp of its raw samples. */
  readonly stamp: Stamp;
  /** Where the samples go; it takes all of them. */
  readonly sink: SampleSink;
}

/**
 * Decodes what a source kept raw, with the very codec that decodes what comes from its wire. One is made for each boot,
 * and gets the boot's raw samples in the order in which they were taken in.
 */
export interface Redecoder {
  /** What decides what comes out, such as the digests of the DBC files. */
  readonly recipe: Recipe;
  /**
   * What must be decoded so that a stretch comes out as it would have from the wire: `boot`, all raw samples of the boot,
   * because one means something else by what came before it; `stretch`, the boot's first sample and then those of the
   * stretch.
   */
  readonly reads: 'boot' | 'stretch';
  /** Raw samples that gave nothing, or less than they should, by reason. */
  readonly errors: Readonly<Record<string, number>>;

  /** Pushes the samples of one raw sample; `time` as it is stored, microseconds. */
  take(time: number, text: string): void;

  /** Pushes what is left: nothing more follows in this boot. */
  end(): void;

  /** Names of the channels that what was taken could have given a sample, whether it did or not. */
  channels(): Iterable<string>;
}

/** How derived samples were made; becomes JSON. `kind` says of which shape the rest is. */
export interface Recipe {
  readonly kind: string;
  readonly [key: string]: unknown;
}
