import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { feedOf } from '../same-feed.ts';
import { counted, fidelityContract } from './fidelity-contract.ts';

t.test('central over SQLite', (t) =>
  fidelityContract(t, 12, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
    const db = BlockDb.open(storePaths(dir).blocks);
    const telemetry = StoreTelemetry.open(dir);
    t.teardown(() => {
      telemetry.close();
      db.close();
      rmSync(dir, { recursive: true });
    });
    return {
      store: new SqliteStore(db),
      feed: async (gateway) => feedOf(db, gateway),
      accounts: async () => db.accounts(),
      channels: async () => db.channelsAfter(0).channels,
      fail: async () => () => {},
      charts: async (channel, from, to, pixels) => telemetry.envelope(telemetry.channel(channel).id, from, to, pixels),
      coverage: async (channel, from, to) => telemetry.coverage(telemetry.channel(channel).id, from, to),
      count: async (channel, from, to) => counted(telemetry.raw(telemetry.channel(channel).id, from, to, 0)),
      latest: async (channel) => telemetry.latest(telemetry.channel(channel).id)?.time,
    };
  }),
);
