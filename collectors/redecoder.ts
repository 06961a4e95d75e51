import type { Stamp } from '../gateway/channel.ts';
import type { SampleSink } from '../gateway/intake.ts';
import type { Recipe } from '../gateway/store/derivation.ts';

/** How what a source kept raw is decoded, made once from its config; throws what its collector would at its start. */
export interface RedecodePlan {
  /** What decides what comes out, such as the digests of the DBC files. */
  readonly recipe: Recipe;
  /**
   * What must be decoded so that a stretch comes out as it would have from the wire: `boot`, all raw samples of the boot,
   * because one means something else by what came before it; `stretch`, the boot's first sample and then those of the
   * stretch.
   */
  readonly reads: 'boot' | 'stretch';

  /**
   * Begins with a boot.
   * @param stamp of the raw samples
   * @param sink where the samples go; it takes all of them
   */
  begin(stamp: Stamp, sink: SampleSink): Redecoder;
}

/**
 * Decodes what a source kept raw in one boot, with the very codec that decodes what comes from its wire. It gets the raw
 * samples in the order in which they were taken in.
 */
export interface Redecoder {
  /** Raw samples that gave nothing, or less than they should, by reason. */
  readonly errors: Readonly<Record<string, number>>;

  /** Pushes the samples of one raw sample; `time` as it is stored, microseconds. */
  take(time: number, text: string): void;

  /** Pushes what is left: nothing more follows in this boot. */
  end(): void;

  /** Names of the channels that what was taken could have given a sample, whether it did or not. */
  channels(): Iterable<string>;
}
