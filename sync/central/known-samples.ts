import type { Stamp } from '../../gateway/channel.ts';
import { CaissonError } from '../../gateway/errors.ts';
import type { Extent } from '../../gateway/store/block-db.ts';
import { encodePack } from '../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import { type BlockSamples, type PackHeader, sameSamples } from '../../gateway/store/pack/pack-info.ts';
import type { HeldPacks } from './block-store.ts';
import { type SequenceRange, withoutRanges } from './sequence-range.ts';
import { blocksOf, type VerifiedBlock, type VerifiedPack } from './verified-pack.ts';

/** Bytes of packs kept open. At the maximum: all are closed. */
const OPEN_BYTES_MAX = 8 << 20;

/**
 * A gateway that was restored from a backup seals the end of what was backed up anew, and so cuts it into other blocks than
 * the gateway of old did; and a store that merged what it has holds it in larger ones than those that come once more. The samples
 * are the same under the same numbers: those that are here are known, the rest is new. Made for one batch.
 */
export class KnownSamples {
  readonly #held: HeldPacks;
  /** Packs by position, because the blocks of one are looked at one after the other. */
  readonly #open = new Map<number, Pack | undefined>();
  #openBytes = 0;

  constructor(held: HeldPacks) {
    this.#held = held;
  }

  /**
   * The numbers of a block that are in no block here. Undefined where this is not such a case: no other block has any of its
   * numbers, or one has them all and only them, or other samples have them.
   */
  unknownRanges(channel: number, boot: number, stamp: Stamp, block: VerifiedBlock): SequenceRange[] | undefined {
    const { firstSequence, count } = block;
    const range = { first: firstSequence, end: firstSequence + count };
    const known = this.#held
      .blocksHolding(channel, boot, range.first, range.end)
      .sort((a, b) => a.firstSequence - b.firstSequence);
    const [only] = known;
    if (only === undefined) return undefined;
    if (known.length === 1 && only.firstSequence === range.first && only.endSequence === range.end) return undefined;
    if (!known.every((extent) => extent.stamp === stamp && this.#holdsTheSame(extent, block))) return undefined;
    return withoutRanges(
      range,
      known.map(({ firstSequence: first, endSequence: end }) => ({ first, end })),
    );
  }

  /** True where a stored block has what the offered one has under the numbers of both; where it cannot be read, where it may have. */
  #holdsTheSame(stored: Extent, offered: VerifiedBlock): boolean {
    const common = {
      first: Math.max(stored.firstSequence, offered.firstSequence),
      end: Math.min(stored.endSequence, offered.firstSequence + offered.count),
    };
    const own = partOf(offered.samples(), offered.firstSequence, common);
    const samples = this.#samples(stored, offered.type);
    if (samples === 'other') return false;
    if (samples === undefined) return mayBeIn(stored, own);
    return sameSamples(partOf(samples, stored.firstSequence, common), own);
  }

  /** Undefined where they cannot be read, `other` where they are of another type. */
  #samples({ firstPosition, block }: Extent, type: VerifiedBlock['type']): BlockSamples | 'other' | undefined {
    try {
      const pack = this.#pack(firstPosition);
      return pack === undefined || pack.blocks[block]?.type === type ? pack?.samples(block) : 'other';
    } catch (error) {
      if (error instanceof CaissonError) return undefined;
      throw error;
    }
  }

  #pack(position: number): Pack | undefined {
    if (this.#open.has(position)) return this.#open.get(position);
    const bytes = this.#held.packBytes(position);
    const pack = bytes === undefined ? undefined : Pack.open(bytes);
    if (this.#openBytes > OPEN_BYTES_MAX) {
      this.#open.clear();
      this.#openBytes = 0;
    }
    this.#open.set(position, pack);
    this.#openBytes += bytes?.length ?? 0;
    return pack;
  }
}

/** Part of a block as a pack of its own. */
export function cutBlock(
  header: PackHeader,
  block: VerifiedBlock,
  { first, end }: SequenceRange,
): Omit<VerifiedPack, 'kind' | 'position'> {
  const { channel, type } = block;
  const { times, values } = partOf(block.samples(), block.firstSequence, { first, end });
  const bytes = encodePack(header, [{ channel, type, firstSequence: first, times, values }]);
  return { header, blocks: blocksOf(Pack.open(bytes)), bytes };
}

/** True where nothing that the index says of a block speaks against samples of it, as far as that can be told: they lie in its bounds. */
function mayBeIn({ timeMin, timeMax, node }: Extent, { times, values }: BlockSamples): boolean {
  if (times.some((time) => time < timeMin || time > timeMax)) return false;
  if (!(values instanceof Float64Array)) return node === undefined;
  return node !== undefined && !values.some((value) => value < node.min || value > node.max);
}

function partOf({ times, values }: BlockSamples, firstSequence: number, { first, end }: SequenceRange): BlockSamples {
  const [from, to] = [first - firstSequence, end - firstSequence];
  // Copies: what is encoded and compared begins at its own buffer's start.
  return { times: times.slice(from, to), values: values.slice(from, to) };
}
