import type { BlockReader } from '../../gateway/store/block-reader.ts';
import { keptAcknowledged } from '../../gateway/store/retention/acknowledgements.ts';
import { feedIdOf } from '../api/pull-call.ts';
import { ReceiptDesk, type ReceiptDeskParts } from '../receipts/receipt-desk.ts';
import { publicKeyOf } from '../receipts/receipt-key.ts';
import type { DestinationsConfig } from './destination-config.ts';
import { DestinationPolicy } from './destination-policy.ts';

/** Where a gateway takes what its centrals say, with the keys that the config pins and what was proven before. */
export function receiptDesk(
  store: BlockReader,
  destinations: DestinationsConfig,
  parts: Pick<ReceiptDeskParts, 'gateway' | 'onConfirmed' | 'onProblem' | 'steadyMs'>,
): ReceiptDesk {
  const keys = new Map(Object.entries(destinations).map(([name, { receiptKey }]) => [name, receiptKey]));
  const policy = new DestinationPolicy(destinations);
  return new ReceiptDesk({
    ...parts,
    store,
    feed: () => feedIdOf(store),
    // One that never came lacks everything, which is to be seen.
    kept: new Map([
      ...Object.keys(destinations).map((name) => [name, { position: 0, stores: [] }] as const),
      ...keptAcknowledged((key) => store.meta(key)),
    ]),
    travels: (central, channel) => policy.scopeOf(central).allows(channel),
    keyOf: (central) => publicKeyOf(keys.get(central) ?? ''),
  });
}
