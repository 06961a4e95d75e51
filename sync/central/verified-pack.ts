import type { FeedItem } from '../../gateway/store/block-db.ts';
import { type EnvelopeNode, nodeOf } from '../../gateway/store/envelope-node.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import type { BlockInfo, BlockSamples, PackHeader } from '../../gateway/store/pack/pack-info.ts';

/** A block of which every column was found right; `node` is undefined for text. */
export interface VerifiedBlock extends BlockInfo, BlockSamples {
  readonly node: EnvelopeNode | undefined;
}

/** A pack whose checksum, directory and blocks were all found right. */
export interface VerifiedPack {
  readonly kind: 'verified';
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly header: PackHeader;
  readonly blocks: readonly VerifiedBlock[];
}

/** @throws CaissonError `block-invalid` */
export function verifyPack({ position, bytes }: Extract<FeedItem, { kind: 'pack' }>): VerifiedPack {
  const pack = Pack.open(bytes);
  const blocks = pack.blocks.map(({ channel, type, firstSequence, count, timeMin, timeMax }, index) => {
    const { times, values } = pack.samples(index);
    const node = values instanceof Float64Array ? nodeOf(times, values, 0, count) : undefined;
    return { channel, type, firstSequence, count, timeMin, timeMax, times, values, node };
  });
  return { kind: 'verified', position, bytes, header: pack.header, blocks };
}
