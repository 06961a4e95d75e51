import type { Stamp } from '../../gateway/channel.ts';
import { endOfOutline } from '../../gateway/store/outline/outline.ts';
import { decodeNodes } from '../../gateway/store/outline/outline-bytes.ts';
import type { TravellingOutline } from '../fidelity/travelling-outline.ts';
import type { Peer } from '../line/pull-line.ts';
import { requireOwn } from './verify-steps.ts';

/** An outline that was found right; of which gateway, boot and channel it is told by their names. */
export interface VerifiedOutline {
  readonly gateway: string;
  readonly boot: string;
  readonly channel: string;
  readonly stamp: Stamp;
  readonly firstSequence: number;
  readonly end: number;
  readonly timeMin: number;
  readonly timeMax: number;
  readonly nodes: Uint8Array;
}

/** @throws CaissonError `block-invalid`, `peer-invalid` */
export function verifyOutline(peer: Peer, outline: TravellingOutline): VerifiedOutline {
  const { gateway, boot, channel, stamp, firstSequence } = outline;
  requireOwn(peer, gateway);
  // A copy: what came over the wire is a view of a larger message.
  const bytes = Uint8Array.from(outline.nodes);
  const nodes = decodeNodes(bytes);
  return {
    ...{ gateway, boot, channel, stamp, firstSequence, nodes: bytes },
    end: endOfOutline({ firstSequence, nodes }),
    timeMin: nodes.reduce((least, { timeMin }) => Math.min(least, timeMin), Number.POSITIVE_INFINITY),
    timeMax: nodes.reduce((greatest, { timeMax }) => Math.max(greatest, timeMax), Number.NEGATIVE_INFINITY),
  };
}
