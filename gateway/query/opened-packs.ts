import { totalmem } from 'node:os';
import process from 'node:process';
import type { Extent } from '../store/block-rows.ts';
import { Pack } from '../store/pack/pack.ts';
import type { BlockSource } from './block-source.ts';
import type { PixelGrid, Stretches } from './pixel-grid.ts';

/**
 * Most bytes of opened packs that are kept, with what is decoded of them, for other blocks of them and for the next look at
 * the same stretch: an hour of 250 channels of 100 Hz. At the maximum: those used longest ago go.
 */
const OPENED_BYTES_MAX = 128 << 20;

/** For those who read each pack once: a day of one channel. */
export const OPENED_BYTES_FEW = 24 << 20;

/** On a small machine packs take at most this part of its memory. */
const MEMORY_PART = 16;

/** Most bytes of opened packs on this machine, or within what the process may use of it. */
export function openedBytesMax(): number {
  const constraint = process.constrainedMemory();
  const memory = constraint > 0 ? Math.min(constraint, totalmem()) : totalmem();
  return Math.min(OPENED_BYTES_MAX, Math.floor(memory / MEMORY_PART));
}

/** Where the times of a column pass from pixel to pixel of the chart that was asked for last. */
interface KnownStretches {
  readonly grid: PixelGrid;
  readonly shift: number;
  readonly stretches: Stretches | undefined;
}

/** A pack that is kept open. */
export class OpenedPack {
  readonly pack: Pack;
  /** Bytes that were counted for it. */
  weight = 0;
  /** By block, the entry of a roster for which it was found to be of its channel. */
  readonly #holders: (Pick<Extent, 'roster' | 'member'> | undefined)[] = [];
  /** By time column. */
  readonly #stretches: (KnownStretches | undefined)[] = [];

  constructor(pack: Pack) {
    this.pack = pack;
  }

  /**
   * True where the pack has the very block of an extent: what stands under one identity never changes, wherever it stands.
   * @param channelOf the name of its channel
   */
  holds(extent: Extent, channelOf: (extent: Extent) => string): boolean {
    const { block, firstSequence, count, roster, member } = extent;
    const info = this.pack.blocks[block];
    if (info === undefined || info.firstSequence !== firstSequence || info.count !== count) return false;
    const holder = this.#holders[block];
    if (holder?.roster === roster && holder.member === member) return true;
    if (info.channel !== channelOf(extent)) return false;
    this.#holders[block] = { roster, member };
    return true;
  }

  /**
   * Where the times of a block pass from pixel to pixel; undefined where they do not ascend, or pass more often than a block
   * is folded to. Blocks that share times are mostly asked for one after the other, for the same pixels.
   * @param room where the stretches are put that no other block can have
   */
  stretches(block: number, grid: PixelGrid, shift: number, room: Stretches): Stretches | undefined {
    const column = this.pack.timeColumnOf(block);
    const known = this.#stretches[column];
    if (known !== undefined && known.shift === shift && known.grid.isSameAs(grid)) return known.stretches;
    const times = this.pack.ascendingTimes(block);
    const found = times !== undefined && grid.findStretches(times, shift, room) ? room : undefined;
    if (this.pack.blocks.length === 1) return found;
    const stretches = found?.copy();
    this.#stretches[column] = { grid, shift, stretches };
    return stretches;
  }
}

/** Where packs are read. */
export type PackSource = Pick<BlockSource, 'packBytes' | 'channelOf'>;

/** Opens packs and keeps those used last. */
export class OpenedPacks {
  readonly #blocks: PackSource;
  readonly #bytesMax: number;
  /** By position, the one used last at the end. */
  readonly #opened = new Map<number, OpenedPack>();
  #bytes = 0;
  /** What its readers have decoded of it is weighed when the next is opened. */
  #last: OpenedPack | undefined;
  readonly #channelOf = (extent: Extent) => this.#blocks.channelOf(extent);

  /** @param bytesMax bytes of all packs that are kept, and of what is decoded of them */
  constructor(blocks: PackSource, bytesMax: number) {
    this.#blocks = blocks;
    this.#bytesMax = bytesMax;
  }

  /**
   * The pack that holds a block. Undefined where the block is not there any more: given up, or merged into another, which may
   * have taken its pack's position. Throws CaissonError `block-invalid` where the pack is damaged.
   */
  open(extent: Extent): OpenedPack | undefined {
    if (this.#last !== undefined) this.#weigh(this.#last);
    this.#last = undefined;
    const { firstPosition: position } = extent;
    let opened = this.#opened.get(position);
    if (opened !== undefined) {
      this.#opened.delete(position);
      if (!opened.holds(extent, this.#channelOf)) {
        this.#bytes -= opened.weight;
        opened = undefined;
      }
    }
    if (opened === undefined) {
      const bytes = this.#blocks.packBytes(position);
      if (bytes === undefined) return undefined;
      opened = new OpenedPack(Pack.open(bytes));
    }
    this.#opened.set(position, opened);
    this.#weigh(opened);
    this.#last = opened;
    return opened.holds(extent, this.#channelOf) ? opened : undefined;
  }

  /** What is decoded of a pack is kept with it. */
  #weigh(opened: OpenedPack): void {
    const { weight } = opened.pack;
    if (weight === opened.weight) return;
    this.#bytes += weight - opened.weight;
    opened.weight = weight;
    for (const [oldest, other] of this.#opened) {
      if (this.#bytes <= this.#bytesMax || other === opened) break;
      this.#opened.delete(oldest);
      this.#bytes -= other.weight;
    }
  }
}
