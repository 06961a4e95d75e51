import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { LoopLag } from '../../../sync/line/loop-lag.ts';
import { Pacer } from '../../../sync/line/pacer.ts';
import { PackAssembly } from '../../../sync/line/pack-assembly.ts';
import { waitFor } from '../../wait-for.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';

const HOST = '127.0.0.1';

/** How often an unchanged feed is asked whether it changed before it is believed that nobody reads it. */
const LOOKS = 3;

/** What a follower of a store is given, and how often that is asked for its version and for what is in it. */
async function followed(t: Test, open: (path: string, store: FilledStore) => BlockReader, isTransfer: boolean) {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-quiet-'));
  const store = new FilledStore(dir, 'box', new Random(3));
  store.seal('box/a');
  const feed = open(storePaths(dir).blocks, store);
  const asked = { version: 0, content: 0 };
  const counted = new Proxy(feed, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'version') asked.version += 1;
      else asked.content += 1;
      return value.bind(target);
    },
  });
  const status = () => exampleStatus('box');
  const telemetry = new MemoryTelemetry();
  const server = await startTelemetryServer({ host: HOST, port: 0, telemetry, feed: counted, status, storeDir: dir });
  const client = new TelemetryClient({ host: HOST, port: server.port });
  const lag = new LoopLag();
  lag.start();
  const positions = new Set<number>();
  const follow = async () => {
    const batches = isTransfer
      ? client.transfer({ feed: '', after: 0, pacer: new Pacer(), lag, assembly: new PackAssembly() })
      : client.pull({ feed: '', after: 0, follow: true });
    for await (const { items } of batches) for (const { position } of items) positions.add(position);
  };
  const following = follow().catch(() => {});
  t.teardown(async () => {
    await server.stop();
    await following;
    client.close();
    lag.stop();
    if (feed !== store.db) feed.close();
    store.db.close();
    rmSync(dir, { recursive: true });
  });
  const hasAll = () => positions.size > 0 && Math.max(...positions) === store.db.lastPosition();
  /** Resolves once all has come, and it was asked for its version so often without being read. */
  const rests = async () => {
    await waitFor('all came', hasAll);
    let [version, content] = [asked.version, asked.content];
    await waitFor('it is left alone', () => {
      if (asked.content !== content) [version, content] = [asked.version, asked.content];
      return asked.version >= version + LOOKS;
    });
  };
  return { dir, store, rests };
}

const sources = {
  'a store of this connection': (_path: string, store: FilledStore): BlockReader => store.db,
  'a store that another connection writes': (path: string): BlockReader => BlockReader.openReadonly(path),
};

for (const [name, open] of Object.entries(sources)) {
  for (const call of ['PullBlocks', 'Transfer'] as const) {
    t.test(`${call} does not read ${name} while nothing is kept, and tells of what is kept then`, async (t) => {
      const { dir, store, rests } = await followed(t, open, call === 'Transfer');
      await rests();
      store.seal('box/a');
      await rests();
      store.db.transaction(() => store.seal('box/new'));
      await rests();
      store.lose('box/a', 7);
      await rests();
      const other = BlockDb.open(storePaths(dir).blocks);
      t.teardown(() => other.close());
      other.transaction(() => other.keepBoot('box', 'another boot', 1));
      await rests();
    });
  }
}
