import { CaissonError } from '../errors.ts';
import type { BlockReader } from './block-reader.ts';
import type { Extent, KeptBlock } from './block-rows.ts';
import type { EnvelopeNode } from './envelope-node.ts';
import { encodePack } from './pack/encode-pack.ts';
import { Pack } from './pack/pack.ts';
import { sameSamples } from './pack/pack-info.ts';

/**
 * True where the block that stands at `known` is the offered one (BLOCK-1.4): by its content or, where that was given up or
 * is damaged, by all that the index says of it.
 */
export function isKeptAlready(
  reader: BlockReader,
  known: Extent,
  { firstSequence, count, timeMin, timeMax, node }: KeptBlock,
  bytes: Uint8Array,
  index: number,
): boolean {
  if (known.firstSequence !== firstSequence || known.count !== count) return false;
  if (known.timeMin !== timeMin || known.timeMax !== timeMax || !sameNode(known.node, node)) return false;
  const stored = openIntact(reader.packBytes(known.firstPosition));
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
