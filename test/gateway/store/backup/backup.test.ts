import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { backupStore } from '../../../../gateway/store/backup/backup-store.ts';
import { restoreStore } from '../../../../gateway/store/backup/restore-store.ts';
import { BlockDb } from '../../../../gateway/store/block-db.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { feedIdOf } from '../../../../sync/api/pull-call.ts';
import { Keeper } from '../../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../../sync/central/sqlite-store.ts';
import { CHANNELS, fillBlock, samplesOf, wholeStore } from '../check/whole-store.ts';
import { GATEWAY, StoreRig } from '../store-rig.ts';

const QUIET = () => {};
const OPTIONS = { damaged: false };

/** A folder that is deleted when the test ends. */
function folder(t: { teardown(end: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-backup-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function allSamples(dir: string): string[][] {
  const telemetry = StoreTelemetry.open(dir);
  const all = CHANNELS.map((_, i) => samplesOf(telemetry, i + 1));
  telemetry.close();
  return all;
}

t.test('a backup under load, restored, has everything that was acknowledged before it began', async (t) => {
  const rig = wholeStore();
  t.teardown(() => rig.dispose());
  const backup = join(folder(t), 'backup');
  const acknowledged = allSamples(rig.dir);
  let block = 280;
  const load = setInterval(() => {
    fillBlock(rig, block);
    block += 1;
    if (block % 2 === 0) rig.sealAll();
    rig.writer.trim();
  }, 1);
  const report = await backupStore(rig.dir, backup, '1.2.3', QUIET).finally(() => clearInterval(load));
  t.ok(report.ok);
  t.same(readdirSync(backup).sort(), ['backup.json', 'blocks.db', 'journal']);
  t.ok(block > 281, `${block - 280} commits meanwhile`);
  const taken = allSamples(rig.dir);

  const restored = join(folder(t), 'store');
  const { note } = await restoreStore(backup, restored, OPTIONS, QUIET);
  t.equal(note.version, '1.2.3');
  const back = allSamples(restored);
  for (const [channel, samples] of acknowledged.entries()) {
    t.same(back[channel]?.slice(0, samples.length), samples, `${CHANNELS[channel]}: nothing acknowledged is missing`);
    t.same(taken[channel]?.slice(0, back[channel]?.length), back[channel], 'and nothing is made up');
  }
  const again = new StoreRig(CHANNELS, 4096, restored);
  again.sealAll();
  t.equal(again.blocks.boots().length, 3, 'a gateway that runs on it begins a boot of its own');
  t.same(again.problems, []);
  t.same(allSamples(restored), back);
  again.close();
});

t.test('central keeps each sample once, whatever it had of the gateway of old', async (t) => {
  // Blocks that central has pulled when the box is lost, of those that were taken in after the backup.
  for (const pulledAfter of [0, 1, 3]) {
    const rig = new StoreRig(CHANNELS);
    for (let block = 0; block < 3; block += 1) fillBlock(rig, block);
    rig.sealAll();
    // In the journal only, when it is backed up.
    for (let block = 3; block < 5; block += 1) fillBlock(rig, block);
    const backup = join(folder(t), 'backup');
    await backupStore(rig.dir, backup, '1', QUIET);
    for (let block = 5; block < 5 + pulledAfter; block += 1) fillBlock(rig, block);
    if (pulledAfter === 1) rig.sealAll();
    const before = allSamples(rig.dir);

    const dir = folder(t);
    const db = BlockDb.open(storePaths(dir).blocks);
    const problems: string[] = [];
    const keeper = new Keeper(new SqliteStore(db), { onProblem: (text) => problems.push(text) });
    const pull = async (from: BlockDb) => {
      const peer = { role: 'gateway', gateway: GATEWAY } as const;
      const feed = feedIdOf(from);
      const resume = await keeper.resume(peer);
      const items = from.feed(resume.feed === feed ? resume.after : 0, 1e6, 1e9);
      return keeper.keep(peer, { feed, items, complete: true });
    };
    // With 3 the chunk that was open is sealed with more samples than the backup has of it.
    if (pulledAfter > 0) rig.sealAll();
    await pull(rig.blocks);
    rig.dispose();

    const restored = join(folder(t), 'store');
    await restoreStore(backup, restored, OPTIONS, QUIET);
    const again = new StoreRig(CHANNELS, 4096, restored);
    again.sealAll();
    const fed = await pull(again.blocks);
    t.equal(fed.refusal, undefined);
    fillBlock(again, 20);
    again.sealAll();
    t.ok((await pull(again.blocks)).samples > 0, 'what the restored gateway takes in comes through');
    t.same(problems, []);
    t.equal(keeper.counters.conflicts, 0);
    again.dispose();

    const central = allSamples(dir);
    for (const [channel, samples] of before.entries()) {
      const kept = central[channel] ?? [];
      t.equal(new Set(kept).size, kept.length, 'each sample once');
      const lost = samples.filter((sample) => !kept.includes(sample));
      t.same(lost, [], `${CHANNELS[channel]}: what was acknowledged before the backup, or pulled, is there`);
    }
    db.close();
  }
});

t.test('a folder that holds anything is refused, one that was interrupted is begun anew', async (t) => {
  const rig = new StoreRig(CHANNELS);
  t.teardown(() => rig.dispose());
  fillBlock(rig, 0);
  const full = folder(t);
  writeFileSync(join(full, 'other'), '');
  await t.rejects(backupStore(rig.dir, full, '1', QUIET), {
    code: 'store-unusable',
    message: /is not empty: it has other/,
  });
  const interrupted = folder(t);
  mkdirSync(join(interrupted, '.incomplete'));
  writeFileSync(join(interrupted, '.incomplete', 'blocks.db'), 'half');
  t.ok((await backupStore(rig.dir, interrupted, '1', QUIET)).ok);
  await t.rejects(restoreStore(rig.dir, folder(t), OPTIONS, QUIET), {
    message: /is no backup: it has no backup\.json/,
  });
});

t.test(
  'a damaged store is backed up with what it has, and told; its backup is restored only when asked to',
  async (t) => {
    const rig = new StoreRig(CHANNELS);
    for (let block = 0; block < 3; block += 1) {
      fillBlock(rig, block);
      rig.sealAll();
    }
    rig.close();
    t.teardown(() => rmSync(rig.dir, { recursive: true }));
    const db = new Database(storePaths(rig.dir).blocks);
    db.exec('UPDATE packs SET bytes = zeroblob(10) WHERE position = (SELECT MAX(position) FROM packs)');
    db.close();
    const backup = join(folder(t), 'backup');
    t.notOk((await backupStore(rig.dir, backup, '1', QUIET)).ok);
    const to = folder(t);
    await t.rejects(restoreStore(backup, to, OPTIONS, QUIET), { message: /found \d+ faults/ });
    t.same(readdirSync(to), []);
    await restoreStore(backup, to, { damaged: true }, QUIET);
    t.ok(existsSync(storePaths(to).blocks));
  },
);
