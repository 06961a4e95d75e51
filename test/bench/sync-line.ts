import { setTimeout as wait } from 'node:timers/promises';
import type { FeedItem } from '../../gateway/store/block-db.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import type { FeedSource } from '../../sync/api/pull-call.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { LoopLag } from '../../sync/line/loop-lag.ts';
import { Pacer } from '../../sync/line/pacer.ts';
import { PackAssembly } from '../../sync/line/pack-assembly.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { type LinkShape, ShapedLink } from '../sync/shaped-link.ts';

/** The packs of a store again and again: a backlog that does not end. */
export function endlessFeed(packs: readonly Uint8Array[]): FeedSource {
  return {
    feed: (after, _itemsMax, bytesMax) => {
      const items: FeedItem[] = [];
      for (let [position, bytes] = [after + 1, 0]; bytes < bytesMax; position += 1) {
        const pack = packs[position % packs.length];
        if (pack === undefined) break;
        items.push({ kind: 'pack', position, bytes: pack });
        bytes += pack.length;
      }
      return items;
    },
    feedId: () => 'bench',
  };
}

/** A line in use: a backlog drains over it. */
export interface DrainingLine {
  readonly link: ShapedLink;
  readonly stop: () => Promise<void>;
}

/** Serves a feed behind a link and drains it, each pack thrown away when it is whole. */
export async function drain(feed: FeedSource, storeDir: string, shape: LinkShape): Promise<DrainingLine> {
  const host = '127.0.0.1';
  const telemetry = new MemoryTelemetry();
  const server = await startTelemetryServer({
    ...{ host, port: 0, telemetry, feed, storeDir },
    status: () => exampleStatus(),
  });
  const link = await ShapedLink.start(server.port, shape);
  const client = new TelemetryClient({ host, port: link.port });
  const lag = new LoopLag();
  lag.start();
  const stopping = new AbortController();
  const opening = { feed: 'bench', after: 0, pacer: new Pacer(), lag, assembly: new PackAssembly() };
  const draining = (async () => {
    for await (const _ of client.transfer(opening, stopping.signal));
  })();
  return {
    link,
    stop: async () => {
      stopping.abort();
      await draining;
      lag.stop();
      client.close();
      await link.stop();
      await server.stop();
    },
  };
}

/** Part of a line's bits that a backlog takes, all bytes of its connections counted, behind a warm-up. */
export async function linkUse(
  packs: readonly Uint8Array[],
  storeDir: string,
  { megabits, roundTripMs }: { readonly megabits: number; readonly roundTripMs: number },
  { warmUpS, measureS }: { readonly warmUpS: number; readonly measureS: number },
): Promise<number> {
  const line = await drain(endlessFeed(packs), storeDir, { downBitsPerS: megabits * 1e6, roundTripMs });
  await wait(warmUpS * 1e3);
  const before = { bytes: line.link.down.bytes, at: performance.now() };
  await wait(measureS * 1e3);
  const bits = (line.link.down.bytes - before.bytes) * 8;
  const seconds = (performance.now() - before.at) / 1e3;
  await line.stop();
  return bits / seconds / (megabits * 1e6);
}
