import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import Database from 'better-sqlite3';
import t from 'tap';
import { Random } from '../../../hardware/simulated/random.ts';
import { MAIN } from '../../main-script.ts';
import { FilledStore } from '../../sync/filled-store.ts';
import { fillDisk, skipSmallDisk, smallDisk } from '../small-disk.ts';

function caisson(cwd: string, ...args: readonly string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd,
    encoding: 'utf8',
    timeout: 300_000,
  });
  return { code: status, stdout, stderr };
}

t.test('a store is backed up, checked and restored where the config says', async (t) => {
  const dir = t.testdir({ 'caisson.yaml': 'store: { dir: data }\n' });
  mkdirSync(join(dir, 'data'));
  const store = new FilledStore(join(dir, 'data'), 'box', new Random(3));
  store.seal('car7/speed', 'number', 300);
  store.lose('car7/speed', 5);
  store.seal('car7/speed', 'number', 100);

  const backup = caisson(dir, 'backup', 'saved');
  t.same({ code: backup.code, stderr: backup.stderr }, { code: 0, stderr: '' });
  t.match(
    backup.stdout,
    /^saved: all of it is whole\n {2}packs +2 of [\d.]+ k?B, 0 of them given up\n {2}blocks +2 with 400 samples\n/,
  );
  const again = caisson(dir, 'backup', 'saved');
  t.equal(again.code, 1);
  t.match(again.stderr, /^caisson: saved is not empty: it has backup\.json\n {2}name a folder/);

  t.match(caisson(dir, 'check', '--store').stdout, /^.*data: all of it is whole/);
  const json = caisson(dir, 'check', '--store', 'saved', '--json');
  t.match(json.stdout, /^.+\n$/, 'one line');
  t.match(JSON.parse(json.stdout), { ok: true, packs: { packs: 2, samples: 400 }, findings: [] });

  store.close();
  writeFileSync(join(dir, 'other.yaml'), 'store: { dir: elsewhere }\n');
  const restored = caisson(dir, 'restore', 'saved', '--config', 'other.yaml');
  t.same({ code: restored.code, stderr: restored.stderr }, { code: 0, stderr: '' });
  t.match(restored.stdout, /elsewhere is restored from the backup of \d{4}-/);
  const count = caisson(dir, 'sql', 'select count(*) as n from samples', '--config', 'other.yaml', '--csv');
  t.equal(count.stdout, 'n\n400\n');

  const db = new Database(join(dir, 'data', 'blocks.db'));
  db.exec('UPDATE packs SET bytes = zeroblob(20) WHERE position = (SELECT MIN(position) FROM packs)');
  db.close();
  const damaged = caisson(dir, 'check', '--store', 'data');
  t.equal(damaged.code, 1);
  t.match(
    damaged.stdout,
    /^data: \d+ found wrong\n[\s\S]*\nblocks\.db, pack \d+: PACK-.*; lost: 300 samples of car7\/speed, 20\d\d-/,
  );

  for (const [args, says] of [
    [['check', '--store', 'nowhere'], /there is no store in nowhere/],
    [['backup', 'x', '--store', 'nowhere'], /there is no store in nowhere/],
    [['restore', 'data', '--store', 'x'], /data is no backup/],
    [['backup', 'caisson.yaml/x'], /^caisson: caisson\.yaml\/x: ENOTDIR/],
  ] as const) {
    const { code, stderr } = caisson(dir, ...args);
    t.equal(code, 1, args.join(' '));
    t.match(stderr, says);
  }
});

t.test(
  'a disk that is full ends a backup and a restore, which leave nothing and say so',
  { skip: skipSmallDisk },
  async (t) => {
    const dir = t.testdir({ 'caisson.yaml': 'store: { dir: data }\n' });
    mkdirSync(join(dir, 'data'));
    const store = new FilledStore(join(dir, 'data'), 'box', new Random(3));
    store.seal('speed', 'number', 300);
    store.close();
    t.equal(caisson(dir, 'backup', 'saved').code, 0);
    const disk = smallDisk(t, 1);
    fillDisk(join(disk, 'rest'));
    truncateSync(join(disk, 'rest'), statSync(join(disk, 'rest')).size - 16_384);
    for (const args of [
      ['backup', join(disk, 'copy')],
      ['restore', 'saved', '--store', join(disk, 'copy')],
    ]) {
      const { code, stderr } = caisson(dir, ...args);
      t.equal(code, 1);
      t.match(stderr, /^caisson: .*copy: .*(full|ENOSPC).*; nothing of it was kept\n$/i, args.join(' '));
      t.same(readdirSync(join(disk, 'copy')), []);
    }
  },
);
