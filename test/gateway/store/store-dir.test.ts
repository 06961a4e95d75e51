import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { gatewayIdOf } from '../../../gateway/store/gateway-id.ts';
import { lockStore, storePaths } from '../../../gateway/store/store-dir.ts';
import { claimStore } from '../../../gateway/store/store-role.ts';

t.test('a store belongs to one holder at a time', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-lock-'));
  const unlock = lockStore(join(dir, 'made/on/the/way'));
  t.throws(() => lockStore(join(dir, 'made/on/the/way')), {
    code: 'store-unusable',
    message: /another process has this store open/,
    hint: /directory of its own/,
  });
  lockStore(join(dir, 'other'))();
  unlock();
  lockStore(join(dir, 'made/on/the/way'))();
  rmSync(dir, { recursive: true });
});

t.test('a directory that cannot be made is told with its path', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-lock-'));
  writeFileSync(join(dir, 'file'), '');
  t.throws(() => lockStore(join(dir, 'file/store')), {
    code: 'store-unusable',
    message: /file\/store: /,
    hint: /check the path/,
  });
  rmSync(dir, { recursive: true });
});

t.test('a store keeps the id of its gateway for good', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-id-'));
  const named = BlockDb.open(storePaths(dir).blocks);
  t.equal(gatewayIdOf(named, 'car7'), 'car7');
  named.close();
  const again = BlockDb.open(storePaths(dir).blocks);
  t.equal(gatewayIdOf(again, undefined), 'car7');
  t.throws(() => gatewayIdOf(again, 'car8'), { code: 'store-unusable', message: /belongs to gateway car7/ });
  again.close();
  rmSync(dir, { recursive: true });
});

t.test('a store is that of a gateway or of a central for good', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-role-'));
  const open = () => BlockDb.open(storePaths(dir).blocks);
  const first = open();
  claimStore(first, 'gateway');
  first.close();
  const again = open();
  claimStore(again, 'gateway');
  t.throws(() => claimStore(again, 'central'), { code: 'store-unusable', message: /belongs to a gateway/ });
  again.close();
  rmSync(dir, { recursive: true });
});

t.test('a gateway without a configured id gets one, and keeps it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-id-'));
  const blocks = BlockDb.open(storePaths(dir).blocks);
  const id = gatewayIdOf(blocks, undefined);
  t.match(id, /^box-[0-9a-f]{8}$/);
  t.equal(gatewayIdOf(blocks, undefined), id);
  blocks.close();
  rmSync(dir, { recursive: true });
});
