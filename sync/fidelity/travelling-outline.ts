import type { Stamp } from '../../gateway/channel.ts';
import { outlinesOf } from '../../gateway/store/outline/outline.ts';
import { encodeNodes } from '../../gateway/store/outline/outline-bytes.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';

/** An outline on its way: of samples of one channel and boot. */
export interface TravellingOutline {
  readonly gateway: string;
  readonly boot: string;
  readonly stamp: Stamp;
  readonly channel: string;
  readonly firstSequence: number;
  /** As `encodeNodes` has them. */
  readonly nodes: Uint8Array;
}

/** The outlines of all blocks of numbers in a pack. @throws CaissonError `block-invalid` */
export function outlinesOfPack(bytes: Uint8Array): TravellingOutline[] {
  const pack = Pack.open(bytes);
  const { gateway, boot, stamp } = pack.header;
  return pack.blocks.flatMap(({ channel, firstSequence }, index) => {
    const { times, values } = pack.samples(index);
    if (!(values instanceof Float64Array)) return [];
    return outlinesOf(firstSequence, times, values).map((outline) => {
      return { gateway, boot, stamp, channel, firstSequence: outline.firstSequence, nodes: encodeNodes(outline.nodes) };
    });
  });
}
