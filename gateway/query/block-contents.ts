import { messageOf } from '../errors.ts';
import { BLOCK_SAMPLES_MAX } from '../limits.ts';
import type { BlockReader } from '../store/block-reader.ts';
import type { Extent, KeptGap } from '../store/block-rows.ts';
import { damageOf } from '../store/damage.ts';
import { type BlockTimes, Pack } from '../store/pack/pack.ts';
import type { NumberSamples } from '../store/pack/pack-info.ts';
import type { PixelGrid, Stretches } from './pixel-grid.ts';
import type { Samples } from './telemetry.ts';

/** Damaged packs remembered. At the maximum: further ones are told and left out as well, but are no gap in the ledger. */
const DAMAGED_PACKS_MAX = 4096;

/**
 * Bytes of opened packs and their decoded times that are kept, for other blocks of them and for the next look at the same
 * chart: a day of a channel of 100 Hz with jittery times. At the maximum: those used longest ago go.
 */
const OPEN_BYTES_MAX = 24 << 20;

/** Cause of the gap that a block of a damaged pack is. */
const DAMAGED = 'block-damaged';

/** A block as a chart needs it. */
export interface FoldedBlock {
  readonly stretches: Stretches;
  /** Four numbers a stretch: the least value, the greatest, the first and the last; scratch memory. */
  readonly corners: Float64Array;
}

interface KnownStretches {
  readonly grid: PixelGrid;
  readonly shift: number;
  readonly stretches: Stretches | undefined;
}

/** Reads blocks; a pack that is damaged costs only itself: it is told once, and from then on its blocks are gaps. */
export class BlockContents {
  readonly #blocks: BlockReader;
  readonly #onProblem: (text: string) => void;
  /** By position, the one used last at the end. */
  readonly #open = new Map<number, Pack>();
  #openBytes = 0;
  /** Where the times of a look are put. */
  readonly #times = new Float64Array(BLOCK_SAMPLES_MAX);
  /** Of times that opened packs keep: where they pass from pixel to pixel of the chart that was asked for last. */
  readonly #stretches = new WeakMap<Float64Array, KnownStretches>();
  /** By position. */
  readonly #damaged = new Map<number, readonly KeptGap[]>();

  constructor(blocks: BlockReader, onProblem: (text: string) => void) {
    this.#blocks = blocks;
    this.#onProblem = onProblem;
  }

  /**
   * The samples of a block, times as stored, in the order they were taken in; undefined when it is gone, merged, thinned or damaged.
   * The times are shared with other blocks: not to be changed.
   */
  of(extent: Extent): Samples | undefined {
    return this.#read(extent, (pack) => pack.samples(extent.block));
  }

  /** As {@link BlockContents.of}, of numbers, for a look: valid until the next block of any is read. */
  look(extent: Extent): NumberSamples | undefined {
    return this.#read(extent, (pack) => pack.look(extent.block, this.#times));
  }

  /**
   * A block of numbers with ascending times, folded to the pixels of a chart: valid until the next block of any is read.
   * Undefined where it is gone, thinned or damaged, and where it has to be looked at sample by sample.
   */
  fold(extent: Extent, grid: PixelGrid, shift: number): FoldedBlock | undefined {
    return this.#read(extent, (pack) => {
      const stretches = this.#stretchesOf(pack.lookAtTimes(extent.block), grid, shift);
      const corners = stretches && pack.fold(extent.block, stretches.ends);
      return corners && { stretches, corners };
    });
  }

  /** Channels of one pack are mostly asked for one after the other, for the same pixels. */
  #stretchesOf({ times, ascends, isKept }: BlockTimes, grid: PixelGrid, shift: number): Stretches | undefined {
    if (!ascends) return undefined;
    if (!isKept) return grid.stretchesOf(times, shift);
    const known = this.#stretches.get(times);
    if (known !== undefined && known.shift === shift && known.grid.isSameAs(grid)) return known.stretches;
    const stretches = grid.stretchesOf(times, shift);
    this.#stretches.set(times, { grid, shift, stretches });
    return stretches;
  }

  #read<Result>(extent: Extent, read: (pack: Pack) => Result): Result | undefined {
    const { firstPosition, thinned } = extent;
    if (thinned || this.#damaged.has(firstPosition)) return undefined;
    try {
      const pack = this.#pack(extent);
      return pack === undefined ? undefined : read(pack);
    } catch (error) {
      if (damageOf(error) === undefined) throw error;
      this.#remember(extent, error);
      return undefined;
    }
  }

  /** Blocks of the damaged packs met so far, but for those given up since. Times as stored. */
  damaged(): KeptGap[] {
    return [...this.#damaged].flatMap(([position, gaps]) => (this.#blocks.hasPack(position) ? gaps : []));
  }

  /**
   * The opened pack that holds a block; several blocks of one are often asked for one after the other. Undefined where the
   * block is not there any more: given up, or merged into another, which may have taken its pack's position.
   */
  #pack(extent: Extent): Pack | undefined {
    const { firstPosition: position } = extent;
    let pack = this.#open.get(position);
    if (pack !== undefined) {
      this.#open.delete(position);
      if (!this.#holds(pack, extent)) {
        this.#openBytes -= pack.weight;
        pack = undefined;
      }
    }
    if (pack === undefined) {
      const bytes = this.#blocks.packBytes(position);
      if (bytes === undefined) return undefined;
      pack = Pack.open(bytes);
      this.#openBytes += pack.weight;
    }
    this.#open.set(position, pack);
    for (const [oldest, other] of this.#open) {
      if (this.#openBytes <= OPEN_BYTES_MAX || other === pack) break;
      this.#open.delete(oldest);
      this.#openBytes -= other.weight;
    }
    return this.#holds(pack, extent) ? pack : undefined;
  }

  /** True where a pack has the very block: what stands under one identity never changes, wherever it stands. */
  #holds(pack: Pack, extent: Extent): boolean {
    const info = pack.blocks[extent.block];
    if (info?.firstSequence !== extent.firstSequence || info.count !== extent.count) return false;
    return info.channel === this.#blocks.channelOf(extent);
  }

  #remember({ firstPosition: position, roster, ordinal }: Extent, error: unknown): void {
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
