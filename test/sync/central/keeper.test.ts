import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { feedOf } from '../same-feed.ts';
import { keeperContract } from './keeper-contract.ts';

t.test('central over SQLite', (t) =>
  keeperContract(t, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
    const db = BlockDb.open(storePaths(dir).blocks);
    t.teardown(() => {
      db.close();
      rmSync(dir, { recursive: true });
    });
    return {
      store: new SqliteStore(db),
      feed: async (gateway) => feedOf(db, gateway),
      accounts: async () => db.accounts(),
      channels: async () => db.channelsAfter(0).channels,
      fail: async () => {
        const keepPack = db.keepPack.bind(db);
        db.keepPack = () => {
          throw new Error('disk full');
        };
        return () => {
          db.keepPack = keepPack;
        };
      },
    };
  }),
);
