import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { backupStore } from '../../../gateway/store/backup/backup-store.ts';
import { restoreStore } from '../../../gateway/store/backup/restore-store.ts';
import { openPostgresCentral } from '../../../sync/central/postgres/postgres-central.ts';
import { openSqliteCentral } from '../../../sync/central/sqlite-central.ts';
import { PostgresLook } from './postgres-rig.ts';
import { PostgresServer } from './postgres-server.ts';

t.test('the folder of a central has an id that stays, and that no copy of it has', async (t) => {
  const above = mkdtempSync(join(tmpdir(), 'caisson-store-id-'));
  t.teardown(() => rmSync(above, { recursive: true }));
  const idOf = (name: string) => {
    const store = openSqliteCentral(join(above, name), 'hq');
    void store.close();
    return store.id;
  };
  const id = idOf('original');
  t.match(id, /^[0-9a-f]{16}$/);
  t.equal(idOf('original'), id, 'after a restart');
  cpSync(join(above, 'original'), join(above, 'copy'), { recursive: true });
  await backupStore(join(above, 'original'), join(above, 'backup'), 'test', () => {});
  await restoreStore(join(above, 'backup'), join(above, 'restored'), { damaged: false }, () => {});
  const ids = ['original', 'copy', 'backup', 'restored', 'other'].map(idOf);
  t.equal(ids[0], id);
  t.equal(new Set(ids).size, ids.length);
  t.same(['copy', 'restored'].map(idOf), [ids[1], ids[3]], 'which theirs are from then on');
});

t.test(
  'all processes over one database have one id, and another one where the database is told to be a copy',
  async (t) => {
    const server = await PostgresServer.start();
    t.teardown(() => server.dispose());
    const [url, other] = [await server.database(), await server.database()];
    const idOf = async (url: string) => {
      const store = await openPostgresCentral({ url, name: 'hq', onProblem: (text) => t.fail(text) });
      await store.close();
      return store.id;
    };
    const [first, second] = await Promise.all([idOf(url), idOf(url)]);
    t.match(first, /^[0-9a-f]{32}$/);
    t.equal(second, first);
    t.not(await idOf(other), first);
    const look = new PostgresLook(url);
    t.teardown(() => look.close());
    await look.run("DELETE FROM caisson WHERE key = 'store id'");
    const later = await idOf(url);
    t.not(later, first);
    t.equal(await idOf(url), later);
  },
);
