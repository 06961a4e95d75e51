import { messageOf } from '../errors.ts';
import { BLOCK_SAMPLES_MAX } from '../limits.ts';
import type { Extent, KeptGap } from '../store/block-rows.ts';
import { damageOf } from '../store/damage.ts';
import type { NumberSamples } from '../store/pack/pack-info.ts';
import type { BlockSource } from './block-source.ts';
import { type OpenedPack, OpenedPacks } from './opened-packs.ts';
import { type PixelGrid, Stretches } from './pixel-grid.ts';
import type { Samples } from './telemetry.ts';

/** Damaged packs remembered. At the maximum: further ones are told and left out as well, but are no gap in the ledger. */
const DAMAGED_PACKS_MAX = 4096;

/** Cause of the gap that a block of a damaged pack is. */
const DAMAGED = 'block-damaged';

/** A block as a chart needs it. */
export interface FoldedBlock {
  readonly stretches: Stretches;
  /** Four numbers a stretch: the least value, the greatest, the first and the last; scratch memory. */
  readonly corners: Float64Array;
}

/** Reads blocks; a pack that is damaged costs only itself: it is told once, and from then on its blocks are gaps. */
export class BlockContents {
  readonly #blocks: BlockSource;
  readonly #onProblem: (text: string) => void;
  readonly #opened: OpenedPacks;
  /** Where the times of a look are put. */
  readonly #times = new Float64Array(BLOCK_SAMPLES_MAX);
  /** Where the stretches of a block are put, likewise. */
  readonly #stretches = new Stretches();
  /** By position. */
  readonly #damaged = new Map<number, readonly KeptGap[]>();

  /** @param openedBytesMax bytes of packs that are kept open */
  constructor(blocks: BlockSource, onProblem: (text: string) => void, openedBytesMax: number) {
    this.#blocks = blocks;
    this.#opened = new OpenedPacks(blocks, openedBytesMax);
    this.#onProblem = onProblem;
  }

  /**
   * The samples of a block, times as stored, in the order they were taken in; undefined when it is gone, merged, thinned or damaged.
   * The times are shared with other blocks: not to be changed.
   */
  of(extent: Extent): Samples | undefined {
    try {
      return this.#open(extent)?.pack.samples(extent.block);
    } catch (error) {
      return this.#leaveOut(extent, error);
    }
  }

  /** As {@link BlockContents.of}, of numbers, for a look: valid until the next block of any is read. */
  look(extent: Extent): NumberSamples | undefined {
    try {
      return this.#open(extent)?.pack.look(extent.block, this.#times);
    } catch (error) {
      return this.#leaveOut(extent, error);
    }
  }

  /**
   * A block of numbers with ascending times, folded to the pixels of a chart: valid until the next block of any is read.
   * Undefined where it is gone, thinned or damaged, and where it has to be looked at sample by sample.
   */
  fold(extent: Extent, grid: PixelGrid, shift: number): FoldedBlock | undefined {
    try {
      const opened = this.#open(extent);
      const stretches = opened?.stretches(extent.block, grid, shift, this.#stretches);
      const corners = stretches && opened?.pack.fold(extent.block, stretches);
      return corners && { stretches, corners };
    } catch (error) {
      return this.#leaveOut(extent, error);
    }
  }

  #open(extent: Extent): OpenedPack | undefined {
    return extent.thinned || this.#damaged.has(extent.firstPosition) ? undefined : this.#opened.open(extent);
  }

  /** Blocks of the damaged packs met so far, but for those given up since. Times as stored. */
  damaged(): KeptGap[] {
    return [...this.#damaged].flatMap(([position, gaps]) => (this.#blocks.hasPack(position) ? gaps : []));
  }

  /** Remembers a pack that is damaged; throws what is no damage. */
  #leaveOut({ firstPosition: position, roster, ordinal }: Extent, error: unknown): undefined {
    if (damageOf(error) === undefined) throw error;
    if (this.#damaged.size >= DAMAGED_PACKS_MAX) return;
    const gaps = this.#blocks.rowAsGaps(roster, ordinal, DAMAGED);
    if (gaps.length === 0) return;
    this.#damaged.set(position, gaps);
    const samples = gaps.reduce((sum, { count }) => sum + count, 0);
    this.#onProblem(
      `the pack at position ${position} is damaged, ${samples} samples of ${gaps.length} channels cannot be read: ${messageOf(error)}`,
    );
  }
}
