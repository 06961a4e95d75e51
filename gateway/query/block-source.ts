import type { BlockReader } from '../store/block-reader.ts';
import type { AheadRuns } from '../store/block-rows.ts';

/**
 * What queries ask of the blocks that are kept; the store's `BlockReader` has it, and so may whatever has fetched before what
 * a query needs.
 */
export type BlockSource = Pick<
  BlockReader,
  | 'accounts'
  | 'blocksHolding'
  | 'boots'
  | 'channelOf'
  | 'channelsAfter'
  | 'children'
  | 'clockAfter'
  | 'close'
  | 'derivationsAfter'
  | 'derivedBootsAfter'
  | 'gaps'
  | 'hasPack'
  | 'hasThinned'
  | 'missing'
  | 'newest'
  | 'outlines'
  | 'overlapping'
  | 'packBytes'
  | 'reachBefore'
  | 'roots'
  | 'rowAsGaps'
  | 'snapshot'
  | 'state'
  | 'thinned'
> & {
  /** What came ahead of its turn, at least that of a gateway. */
  ahead(gateway: string): readonly AheadRuns[];
};
