import { closeSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { BACKUP_FILE } from '../../../../gateway/store/backup/backup-store.ts';
import { restoreStore } from '../../../../gateway/store/backup/restore-store.ts';
import { BlockDb } from '../../../../gateway/store/block-db.ts';
import { checkStore } from '../../../../gateway/store/check/store-check.ts';
import { DATABASE_PAGE_BYTES } from '../../../../gateway/store/database.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import { copyOf, samplesOf, wholeStore } from '../check/whole-store.ts';
import { StoreRig } from '../store-rig.ts';

const DAMAGE_BYTES = 600;
const PLACES = 6;

/** Part of all samples that a stretch of damage in any leaf leaves at least. */
const PART_MIN = 0.8;

/** What the check finds, but for what is told of nowhere: numbers whose pack and whose row of the index are both lost. */
function faultsOf(dir: string): string[] {
  const steps = checkStore(dir);
  for (let next = steps.next(); ; next = steps.next()) {
    if (next.done !== true) continue;
    return next.value.findings.map(({ problem }) => problem).filter((problem) => !problem.startsWith('in no block'));
  }
}

/** By name, because ids of channels whose definition is lost are new. */
function samplesByName(dir: string): Map<string, string[]> {
  const telemetry = StoreTelemetry.open(dir);
  const samples = new Map(telemetry.channels().map(({ id, name }) => [name, samplesOf(telemetry, id)]));
  telemetry.close();
  return samples;
}

function countOf(samples: ReadonlyMap<string, readonly string[]>): number {
  return [...samples.values()].reduce((sum, each) => sum + each.length, 0);
}

/** Overwrites a stretch of a file. */
function damage(path: string, at: number, random: Random): void {
  const file = openSync(path, 'r+');
  writeSync(
    file,
    Uint8Array.from({ length: DAMAGE_BYTES }, () => random.below(256)),
    0,
    DAMAGE_BYTES,
    at,
  );
  closeSync(file);
}

t.test('a damaged backup is restored with all that can be read of it, and a gateway runs on that', async (t) => {
  const random = new Random(5);
  const rig = wholeStore();
  rig.close();
  t.teardown(() => rmSync(rig.dir, { recursive: true }));
  const whole = samplesByName(rig.dir);
  const { size } = statSync(storePaths(rig.dir).blocks);
  let restored = 0;
  for (let place = 0; place < PLACES; place += 1) {
    const at = DATABASE_PAGE_BYTES + random.below(size - DATABASE_PAGE_BYTES - DAMAGE_BYTES);
    const backup = copyOf(rig);
    const to = join(backup, 'restored');
    writeFileSync(join(backup, BACKUP_FILE), '{}');
    damage(storePaths(backup).blocks, at, random);
    try {
      await restoreStore(backup, to, { damaged: true }, () => {});
      const back = samplesByName(to);
      const part = countOf(back) / countOf(whole);
      t.ok(part >= PART_MIN, `damaged at ${at}: ${Math.floor(part * 100)} % is back`);
      for (const [name, samples] of back) {
        const known = new Set(whole.get(name));
        t.ok(
          samples.every((sample) => known.has(sample)),
          `damaged at ${at}: ${name} has nothing that was not taken in`,
        );
      }
      const next = new StoreRig([], 1 << 14, to);
      next.sealAll();
      next.close();
      t.same(faultsOf(to), [], `damaged at ${at}: what is restored is whole`);
      restored += 1;
    } catch (error) {
      t.match(error, { code: 'store-unusable' }, `damaged at ${at}`);
    }
    rmSync(backup, { recursive: true });
  }
  t.ok(restored >= PLACES - 2, `${restored} of ${PLACES} places`);
});

t.test('a store whose start meets damage says what to do', (t) => {
  const rig = wholeStore();
  rig.close();
  const { blocks } = storePaths(rig.dir);
  const db = new Database(blocks);
  const page = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'recent_index'").pluck().get() as number;
  db.close();
  damage(blocks, (page - 1) * DATABASE_PAGE_BYTES, new Random(1));
  t.throws(() => BlockDb.open(blocks), { code: 'store-unusable', hint: /caisson restore.*--damaged/ });
  rmSync(rig.dir, { recursive: true });
  t.end();
});
