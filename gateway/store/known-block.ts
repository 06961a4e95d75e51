import { CaissonError } from '../errors.ts';
import type { Extent, KeptBlock, KeptPack, SequenceRun } from './block-rows.ts';
import type { EnvelopeNode } from './envelope-node.ts';
import { encodePack } from './pack/encode-pack.ts';
import { Pack } from './pack/pack.ts';
import { sameSamples } from './pack/pack-info.ts';

/** What became of a block that was offered. */
export type BlockOutcome = 'kept' | 'known' | 'conflict';

/** What is known of the sequence numbers of a channel and boot, and where their samples are. */
export interface KnownSequences {
  /** One past the last sequence number in a block. */
  endOf(channel: number, boot: number): number;
  /** True where a gap has numbers of [first, end). */
  touchesGap(channel: number, boot: number, first: number, end: number): boolean;
  /** Blocks and gaps that hold numbers of [from, to), in their order. */
  runs(channel: number, boot: number, from: number, to: number): readonly SequenceRun[];
  blocksHolding(channel: number, boot: number, from: number, to: number): readonly Extent[];
  packBytes(position: number): Uint8Array | undefined;
}

/** What is to become of a block of a pack, before anything is written. */
export function outcomeOf(
  known: KnownSequences,
  { boot, stamp, bytes }: KeptPack,
  block: KeptBlock,
  index: number,
): BlockOutcome {
  const { channel, firstSequence, count } = block;
  const end = firstSequence + count;
  const isBehind = firstSequence >= known.endOf(channel, boot);
  if (isBehind && !known.touchesGap(channel, boot, firstSequence, end)) return 'kept';
  const runs = known.runs(channel, boot, firstSequence, end);
  if (runs.length === 0) return 'kept';
  const [holder] = known.blocksHolding(channel, boot, firstSequence, end);
  const isOne = runs.length === 1 && holder !== undefined && holder.stamp === stamp;
  return isOne && isKeptAlready(known, holder, block, bytes, index) ? 'known' : 'conflict';
}

/**
 * True where the block that stands at `known` is the offered one (BLOCK-1.4): by its content or, where that was given up or
 * is damaged, by all that the index says of it.
 */
function isKeptAlready(
  packs: Pick<KnownSequences, 'packBytes'>,
  known: Extent,
  { firstSequence, count, timeMin, timeMax, node }: KeptBlock,
  bytes: Uint8Array,
  index: number,
): boolean {
  if (known.firstSequence !== firstSequence || known.count !== count) return false;
  if (known.timeMin !== timeMin || known.timeMax !== timeMax || !sameNode(known.node, node)) return false;
  const stored = openIntact(packs.packBytes(known.firstPosition));
  if (stored === undefined) return true;
  const offered = Pack.open(bytes);
  return (
    stored.blocks[known.block]?.type === offered.blocks[index]?.type &&
    sameSamples(stored.samples(known.block), offered.samples(index))
  );
}

/** One block of a pack as a pack of its own. */
export function singlePack(bytes: Uint8Array, index: number): Uint8Array {
  const pack = Pack.open(bytes);
  const block = pack.blocks[index];
  if (block === undefined) throw new RangeError(`block ${index} of a pack of ${pack.blocks.length}`);
  return encodePack(pack.header, [{ ...block, ...pack.samples(index) }]);
}

function openIntact(bytes: Uint8Array | undefined): Pack | undefined {
  if (bytes === undefined) return undefined;
  try {
    return Pack.open(bytes);
  } catch (error) {
    if (error instanceof CaissonError) return undefined;
    throw error;
  }
}

function sameNode(a: EnvelopeNode | undefined, b: EnvelopeNode | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (['min', 'max', 'first', 'last', 'sum'] as const).every((field) => Object.is(a[field], b[field]));
}
