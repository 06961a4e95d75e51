import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import t from 'tap';
import { CaissonError } from '../../../../gateway/errors.ts';
import { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { checkStore, type StoreReport } from '../../../../gateway/store/check/store-check.ts';
import { DATABASE_PAGE_BYTES } from '../../../../gateway/store/database.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { Random } from '../../../../hardware/simulated/random.ts';
import { CHANNELS, copyOf, samplesOf, wholeStore } from './whole-store.ts';

/** Bytes turned in each kind of page. */
const FLIPS_PER_KIND = 3;

/** Pages of which one holds few of many packs: this part of all samples at least is still there without it. */
const OF_FEW_PACKS = /^(packs|pack_index|recent_index|envelopes) (leaf|overflow)$/;
const PART_MIN = 0.7;

interface Page {
  readonly kind: string;
  readonly number: number;
}

function check(dir: string): StoreReport {
  const steps = checkStore(dir);
  for (let next = steps.next(); ; next = steps.next()) if (next.done === true) return next.value;
}

/** Pages by what they belong to: root and inner pages, leaves, overflow. */
function pagesOf(path: string): Page[] {
  const db = new Database(path, { readonly: true });
  const pages = db.prepare('SELECT name, pageno, pagetype FROM dbstat ORDER BY pageno').all() as {
    name: string;
    pageno: number;
    pagetype: string;
  }[];
  db.close();
  return pages.map(({ name, pageno, pagetype }) => ({ kind: `${name} ${pagetype}`, number: pageno }));
}

t.test('a damaged page costs what is on it and no more, is told by the check, and makes no sample up', async (t) => {
  const random = new Random(11);
  const rig = wholeStore();
  rig.blocks.close();
  rig.journal.close();
  const path = storePaths(rig.dir).blocks;
  const telemetry = StoreTelemetry.open(rig.dir);
  const whole = CHANNELS.map((_, i) => samplesOf(telemetry, i + 1));
  telemetry.close();
  const bytes = readFileSync(path);
  const pages = pagesOf(path);
  const kinds = [...new Set(pages.map(({ kind }) => kind))];
  t.ok(kinds.length > 10, kinds.join(', '));
  const dir = copyOf(rig);
  const copy = storePaths(dir).blocks;
  for (const kind of kinds) {
    const ofKind = pages.filter((page) => page.kind === kind);
    for (let flip = 0; flip < FLIPS_PER_KIND; flip += 1) {
      const page = ofKind[random.below(ofKind.length)] as Page;
      const damaged = Buffer.from(bytes);
      const at = (page.number - 1) * DATABASE_PAGE_BYTES + random.below(flip % 2 === 0 ? 64 : DATABASE_PAGE_BYTES);
      damaged[at] = (damaged[at] as number) ^ (1 << random.below(8));
      writeFileSync(copy, damaged);
      for (const side of ['-wal', '-shm']) rmSync(copy + side, { force: true });
      const where = `${kind}, page ${page.number}, byte ${at % DATABASE_PAGE_BYTES}`;
      const outcome = outcomeOf(dir);
      if (outcome === undefined) continue; // It does not open, and says why.
      const { report, samples } = outcome;
      const part = countOf(samples) / countOf(whole);
      if (OF_FEW_PACKS.test(kind) && part < PART_MIN) t.fail(`${where}: only ${Math.floor(part * 100)} % can be read`);
      for (const [channel, expected] of whole.entries()) {
        const met = samples[channel] ?? [];
        const known = new Set(expected);
        if (report.ok && met.length !== expected.length)
          t.fail(`${where}: ${met.length} of ${expected.length} samples, the check found nothing`);
        const madeUp = met.filter((sample) => !known.has(sample));
        if (madeUp.length > 0) t.fail(`${where}: ${CHANNELS[channel]} has ${madeUp[0]}`);
      }
    }
  }
  rmSync(dir, { recursive: true });
  rmSync(rig.dir, { recursive: true });
});

function countOf(samples: readonly (readonly string[])[]): number {
  return samples.reduce((sum, each) => sum + each.length, 0);
}

/** What can be read of a store, and what its check says; undefined where it does not open. */
function outcomeOf(dir: string): { report: StoreReport; samples: string[][] } | undefined {
  try {
    const report = check(dir);
    const telemetry = StoreTelemetry.open(dir);
    const samples = CHANNELS.map((_, i) => samplesOf(telemetry, i + 1));
    telemetry.close();
    return { report, samples };
  } catch (error) {
    if (error instanceof CaissonError && error.code === 'store-unusable') return undefined;
    throw error;
  }
}
