import type { Test } from 'tap';
import type { BlockReader } from '../../gateway/store/block-reader.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';

/** Everything in a store's feed of one gateway, without positions. */
export function feedOf(db: BlockReader, gateway: string): FeedItem[] {
  const items: FeedItem[] = [];
  for (let after = 0; ; ) {
    const run = db.feed(after, 1000, Number.MAX_SAFE_INTEGER);
    const last = run.at(-1);
    if (last === undefined) return items;
    after = last.position;
    items.push(...run.filter((item) => gatewayOf(item) === gateway));
  }
}

/** Identity of every block, and the bytes of its pack, in the order of the feed. */
export function blocksIn(items: readonly FeedItem[]): { identity: string; bytes: string }[] {
  const blocks: { identity: string; bytes: string }[] = [];
  for (const item of items) {
    if (item.kind !== 'pack') continue;
    const pack = Pack.open(item.bytes);
    const bytes = Buffer.from(item.bytes).toString('hex');
    for (const { channel, firstSequence } of pack.blocks) {
      blocks.push({ identity: `${pack.header.boot} ${channel} ${firstSequence}`, bytes });
    }
  }
  return blocks;
}

/** Gaps as `boot channel first+count cause`, sorted. */
export function gapsIn(items: readonly FeedItem[]): string[] {
  return items
    .flatMap((item) =>
      item.kind === 'gap'
        ? [`${item.boot} ${item.channel} ${item.gap.firstSequence}+${item.gap.count} ${item.gap.cause}`]
        : [],
    )
    .sort();
}

/** The newest definition of every channel as JSON with sorted keys, sorted. */
export function definitionsIn(items: readonly FeedItem[]): string[] {
  const definitions = items
    .flatMap((item) => (item.kind === 'channel' ? [item.definition] : []))
    .map((definition) => JSON.stringify(Object.entries(definition).sort(([a], [b]) => (a < b ? -1 : 1))));
  // One that was changed stands where it was told of first, and where it was changed.
  return [...new Set(definitions)].sort();
}

export function blocksOf(db: BlockReader, gateway: string): { identity: string; bytes: string }[] {
  return blocksIn(feedOf(db, gateway));
}

export function gapsOf(db: BlockReader, gateway: string): string[] {
  return gapsIn(feedOf(db, gateway));
}

export function definitionsOf(db: BlockReader, gateway: string): string[] {
  return definitionsIn(feedOf(db, gateway));
}

function gatewayOf(item: FeedItem): string {
  return item.kind === 'pack' ? Pack.open(item.bytes).header.gateway : item.gateway;
}

/** Asserts that a central has every block, gap and definition of a gateway, each once, byte for byte, in whatever order they came. */
export function requireSameStores(t: Test, central: BlockReader, box: BlockReader, gateway: string): void {
  const sorted = (db: BlockReader) =>
    blocksOf(db, gateway)
      .map(({ identity, bytes }) => `${identity} ${bytes}`)
      .sort();
  t.same(sorted(central), sorted(box), 'every block, byte for byte');
  t.same(gapsOf(central, gateway), gapsOf(box, gateway));
  t.same(definitionsOf(central, gateway), definitionsOf(box, gateway));
}
