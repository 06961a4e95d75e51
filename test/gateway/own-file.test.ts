import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ownFile, ownScript } from '../../gateway/own-file.ts';
import { MAIN } from '../main-script.ts';

t.test('what belongs to the code is found beside it, above the module that asks', async (t) => {
  const root = join(import.meta.dirname, '..', '..');
  t.equal(fileURLToPath(ownFile('sync/proto')), join(root, 'sync', 'proto'));
  t.equal(fileURLToPath(ownScript('gateway/store/store-thread')), join(root, 'gateway', 'store', 'store-thread.js'));
  t.throws(() => ownFile('gateway/nothing-here'), { message: /^gateway\/nothing-here is missing beside .*: build it/ });
});

t.test('every script that is started by its path stands in the bundle at that path', async (t) => {
  const bundle = join(MAIN, '..', '..');
  for (const script of [
    'gateway/store/store-thread',
    'gateway/commands/serve-thread',
    'gateway/query/sql/sql-process',
    'sync/central/postgres/sql-process',
    'sync/central/postgres/telemetry-thread',
  ]) {
    t.ok(existsSync(join(bundle, `${script}.js`)), script);
  }
});
