import { type ColumnDescription, describePack } from '../../../../gateway/store/pack/describe-pack.ts';
import { encodePack, type PackBlock } from '../../../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../../../gateway/store/pack/pack.ts';
import type { BlockInfo, BlockSamples, PackHeader } from '../../../../gateway/store/pack/pack-info.ts';

/** Packs of a single block, for what is about blocks. */

/** What a pack of one block says of it. */
export type BlockHeader = PackHeader & Pick<PackBlock, 'channel' | 'type' | 'firstSequence'>;

export function encodeBlock(header: BlockHeader, samples: BlockSamples, scale?: PackBlock['scale']): Uint8Array {
  const { channel, type, firstSequence } = header;
  return encodePack(header, [{ channel, type, firstSequence, ...samples, scale }]);
}

export function decodeBlock(bytes: Uint8Array): BlockHeader & BlockInfo & BlockSamples {
  const pack = Pack.open(bytes);
  const [block] = pack.blocks;
  if (block === undefined || pack.blocks.length > 1) throw new Error(`a pack of ${pack.blocks.length} blocks`);
  const { channel, type, firstSequence, count, timeMin, timeMax } = block;
  return { ...pack.header, channel, type, firstSequence, count, timeMin, timeMax, ...pack.samples(0) };
}

export function readBlockInfo(bytes: Uint8Array): BlockHeader & BlockInfo {
  const { times: _times, values: _values, ...info } = decodeBlock(bytes);
  return info;
}

export function describeBlock(bytes: Uint8Array): { times: ColumnDescription; values: ColumnDescription } {
  const { times, values } = describePack(bytes);
  const [time] = times;
  const [value] = values;
  if (time === undefined || value === undefined) throw new Error('a pack without blocks');
  return { times: time, values: value };
}
