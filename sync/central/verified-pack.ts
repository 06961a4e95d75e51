import { BLOCK_SAMPLES_MAX } from '../../gateway/limits.ts';
import type { FeedItem } from '../../gateway/store/block-db.ts';
import { type EnvelopeNode, nodeOfLook } from '../../gateway/store/envelope-node.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import type { BlockInfo, BlockSamples, PackHeader } from '../../gateway/store/pack/pack-info.ts';

/** A block of which every column was found right. */
export interface VerifiedBlock extends BlockInfo {
  /** Undefined for text. */
  readonly node: EnvelopeNode | undefined;
  /** Reads them anew: of most blocks nobody asks, and held they take thirty times the bytes of the pack. */
  samples(): BlockSamples;
}

/** A pack whose checksum, directory and blocks were all found right. */
export interface VerifiedPack {
  readonly kind: 'verified';
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly header: PackHeader;
  readonly blocks: readonly VerifiedBlock[];
}

/** Where the times of a block stand while it is looked at. */
const room = new Float64Array(BLOCK_SAMPLES_MAX);

/** @throws CaissonError `block-invalid` */
export function verifyPack({ position, bytes }: Extract<FeedItem, { kind: 'pack' }>): VerifiedPack {
  const pack = Pack.open(bytes);
  return { kind: 'verified', position, bytes, header: pack.header, blocks: blocksOf(pack) };
}

/** Decodes every column of a pack. @throws CaissonError `block-invalid` */
export function blocksOf(pack: Pack): VerifiedBlock[] {
  // Another one than that which is verified, which holds what its blocks share.
  let opened: Pack | undefined;
  const samplesOf = (index: number) => {
    opened ??= Pack.open(pack.bytes);
    return opened.samples(index);
  };
  return pack.blocks.map(({ channel, type, firstSequence, count, timeMin, timeMax }, index) => {
    const numbers = pack.look(index, room);
    if (numbers === undefined) pack.samples(index);
    const node = numbers && nodeOfLook(numbers);
    return { channel, type, firstSequence, count, timeMin, timeMax, node, samples: () => samplesOf(index) };
  });
}
