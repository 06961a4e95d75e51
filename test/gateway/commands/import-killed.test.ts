import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import t from 'tap';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { CaissonProcess, caisson } from '../../sync/caisson-process.ts';
import { ImportRig } from './import-rig.ts';

const KILLS = 6;
const LINES = 20_000;
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

/** Line protocol that does not compress, so that a transaction has reached the disk long before it ends. */
function noise(): string {
  const random = new Random(7);
  const lines: string[] = [];
  for (let n = 0; n < LINES; n += 1) {
    const fields = Array.from({ length: 8 }, (_, field) => `f${field}=${random.unit()}`);
    lines.push(`noise ${fields.join(',')} ${1_600_000_000_000_000_000 + n * 1e9}\n`);
  }
  return lines.join('');
}

/** Resolves to the ticks of CPU that a process took, when it has taken so many or has ended. */
async function reached({ child }: CaissonProcess, ticks: number): Promise<number> {
  for (let taken = 0; ; await delay(2)) {
    if (taken >= ticks || child.exitCode !== null) return taken;
    try {
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      taken = Math.max(taken, Number(fields[11]) + Number(fields[12]));
    } catch {
      return taken;
    }
  }
}

/** Samples in blocks; none where the process was killed before its database had tables. */
function samplesIn(rig: ImportRig): number {
  const { blocks } = storePaths(rig.dir);
  // A rollback journal is there only until the database is set to its write-ahead log.
  if (!existsSync(blocks) || existsSync(`${blocks}-journal`)) return 0;
  const db = new Database(blocks, { readonly: true });
  const version = db.pragma('user_version', { simple: true });
  db.close();
  return version === 0 ? 0 : rig.samples();
}

/** What differs between two imports of one recording: when they were made. */
const TIMES = { started: 0, ended: 0, kept: 0, made: 0, time: 0 };

function timeless(rig: ImportRig): string {
  const { boots = [], clock = [], packs = [], imports = [], meta: _, ...others } = rig.rows();
  const made = { boots, clock, packs, imports };
  const masked = Object.entries(made).map(([name, rows]) => [
    name,
    rows.map((row) => ({ ...(row as object), ...TIMES })),
  ]);
  return JSON.stringify([masked, others]);
}

t.test('an import that is killed again and again ends with what an unbroken one gives', async (t) => {
  t.comment(`CAISSON_TEST_SEED=${SEED}`);
  const random = new Random(SEED);
  const folder = mkdtempSync(join(tmpdir(), 'caisson-killed-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'noise.lp');
  writeFileSync(file, noise());
  const whole = new ImportRig(t);
  const args = (rig: ImportRig) => ['import', '--config', rig.configFile, file];
  const unbroken = new CaissonProcess(args(whole));
  const total = await reached(unbroken, Number.POSITIVE_INFINITY);
  t.equal((await unbroken.ended).code, 0);

  let rig = new ImportRig(t);
  const kept: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = new CaissonProcess(args(rig));
    // Anywhere in its work, the commit most of all.
    await reached(child, total * (kill % 2 === 0 ? random.unit() : 0.55 + 0.35 * random.unit()));
    await child.kill('SIGKILL');
    const samples = samplesIn(rig);
    t.ok(samples === 0 || samples === LINES * 8, 'all of it, or nothing');
    kept.push(samples);
    // What has all would only say so.
    if (samples > 0 && kill < KILLS - 1) rig = new ImportRig(t);
  }
  t.comment(`samples after each kill: ${kept.join(' ')}`);
  const last = await caisson(...args(rig));
  t.equal(last.code, 0, last.stderr);
  t.equal(rig.samples(), LINES * 8);
  t.ok(timeless(rig) === timeless(whole), 'the same rows, bit for bit');
  t.same(rig.faults(), []);
});
