import { CaissonError } from '../../gateway/errors.ts';
import type { Extent } from '../../gateway/store/block-db.ts';
import { encodePack } from '../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import { type BlockSamples, type PackHeader, sameSamples } from '../../gateway/store/pack/pack-info.ts';
import type { HeldPacks } from './block-store.ts';
import { type SequenceRange, withoutRanges } from './sequence-range.ts';
import { blocksOf, type VerifiedBlock, type VerifiedPack } from './verified-pack.ts';

/**
 * A gateway that was restored from a backup seals the end of what was backed up anew, and so cuts it into other blocks than
 * the gateway of old did. The samples are the same under the same numbers: those that are here are known, the rest is new.
 */

/**
 * The numbers of a block that are in no block here. Undefined where this is not such a case: no other block has any of its
 * numbers, or one has them all and only them, or other samples have them.
 */
export function unknownRanges(
  held: HeldPacks,
  channel: number,
  boot: number,
  block: VerifiedBlock,
): SequenceRange[] | undefined {
  const { firstSequence, count } = block;
  const range = { first: firstSequence, end: firstSequence + count };
  const known = held
    .blocksHolding(channel, boot, range.first, range.end)
    .sort((a, b) => a.firstSequence - b.firstSequence);
  const [only] = known;
  if (only === undefined) return undefined;
  if (known.length === 1 && only.firstSequence === range.first && only.endSequence === range.end) return undefined;
  if (!known.every((extent) => holdsTheSame(held, extent, block))) return undefined;
  return withoutRanges(
    range,
    known.map(({ firstSequence: first, endSequence: end }) => ({ first, end })),
  );
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

/** True where a stored block has what the offered one has under the numbers of both; also where it cannot be read. */
function holdsTheSame(held: HeldPacks, stored: Extent, offered: VerifiedBlock): boolean {
  const common = {
    first: Math.max(stored.firstSequence, offered.firstSequence),
    end: Math.min(stored.endSequence, offered.firstSequence + offered.count),
  };
  const samples = readSamples(held, stored);
  if (samples === undefined) return true;
  return sameSamples(
    partOf(samples, stored.firstSequence, common),
    partOf(offered.samples(), offered.firstSequence, common),
  );
}

function partOf({ times, values }: BlockSamples, firstSequence: number, { first, end }: SequenceRange): BlockSamples {
  const [from, to] = [first - firstSequence, end - firstSequence];
  // Copies: what is encoded and compared begins at its own buffer's start.
  return { times: times.slice(from, to), values: values.slice(from, to) };
}

function readSamples(held: HeldPacks, { firstPosition, block }: Extent): BlockSamples | undefined {
  const bytes = held.packBytes(firstPosition);
  if (bytes === undefined) return undefined;
  try {
    return Pack.open(bytes).samples(block);
  } catch (error) {
    if (error instanceof CaissonError) return undefined;
    throw error;
  }
}
