import type { BlockReader } from '../../gateway/store/block-reader.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { TravellingChannel } from '../destinations/destination-policy.ts';

/** Boots, clock rows and channels of a store, with positions from 1: what items anywhere in its feed may refer to. */
export function knownBefore(store: BlockReader, allows: (channel: TravellingChannel) => boolean): FeedItem[] {
  const boots = store.boots();
  const byId = new Map(boots.map((boot) => [boot.id, boot]));
  const items: FeedItem[] = [];
  const next = () => items.length + 1;
  for (const { gateway, boot, started, origin } of boots) {
    const from = origin === undefined ? undefined : byId.get(origin)?.boot;
    items.push({ kind: 'boot', position: next(), gateway, boot, started, ...(from !== undefined && { origin: from }) });
  }
  for (const { id: _, gateway, ...definition } of store.channelsAfter(0).channels) {
    if (allows(definition)) items.push({ kind: 'channel', position: next(), gateway, definition });
  }
  for (const { boot, reading } of store.clockAfter(0).rows) {
    const of = byId.get(boot);
    if (of !== undefined) items.push({ kind: 'clock', position: next(), gateway: of.gateway, boot: of.boot, reading });
  }
  return items;
}
