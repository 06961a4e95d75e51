import { CaissonError, messageOf } from '../errors.ts';
import { decodeBlock } from '../store/block/block.ts';
import type { BlockReader } from '../store/block-reader.ts';
import type { KeptGap } from '../store/block-rows.ts';
import type { Samples } from './telemetry.ts';

/** Damaged blocks remembered. At the maximum: further ones are told and left out as well, but are no gap in the ledger. */
const DAMAGED_BLOCKS_MAX = 4096;

/** Cause of the gap that a damaged block is. */
const DAMAGED = 'block-damaged';

/** Reads blocks; one that is damaged costs only itself: it is told once, and from then on is a gap. */
export class BlockContents {
  readonly #blocks: BlockReader;
  readonly #onProblem: (text: string) => void;
  /** By position. */
  readonly #damaged = new Map<number, KeptGap>();

  constructor(blocks: BlockReader, onProblem: (text: string) => void) {
    this.#blocks = blocks;
    this.#onProblem = onProblem;
  }

  /** The samples of a block, times as stored, in the order they were taken in; undefined when it is gone or damaged. */
  of(position: number): Samples | undefined {
    try {
      const bytes = this.#blocks.blockBytes(position);
      return bytes === undefined ? undefined : decodeBlock(bytes);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#remember(position, error);
      return undefined;
    }
  }

  /** The damaged blocks met so far. Times as stored. */
  damaged(): KeptGap[] {
    return [...this.#damaged.values()];
  }

  #remember(position: number, error: unknown): void {
    if (this.#damaged.has(position) || this.#damaged.size >= DAMAGED_BLOCKS_MAX) return;
    const gap = this.#blocks.blockAsGap(position, DAMAGED);
    if (gap === undefined) return;
    this.#damaged.set(position, gap);
    this.#onProblem(
      `the block at position ${position} is damaged, ${gap.count} samples cannot be read: ${messageOf(error)}`,
    );
  }
}

/** True for bytes that are no block, and for database pages that cannot be read. */
function isDamage(error: unknown): boolean {
  if (error instanceof CaissonError) return error.code === 'block-invalid';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_IOERR'));
}
