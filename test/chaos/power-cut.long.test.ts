import process from 'node:process';
import t from 'tap';
import { requireLab } from '../lab.ts';
import { cutStore, cutWeakWriter } from './power-cut.ts';

const CUTS = Number(process.env.CAISSON_CUTS ?? 200);
const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1e9);

/** Rows that the weak writer acknowledges before its power is cut, a cut each. */
const WEAK_ROWS = [100, 300, 1000, 3000];

t.test(`keeps every acknowledged sample, once, through ${CUTS} power cuts`, async (t) => {
  if (!requireLab(t)) return;
  t.comment(`seed ${SEED}`);
  const report = await cutStore(t, CUTS, SEED);
  t.equal(report.cuts, CUTS, JSON.stringify(report));
});

t.test('a writer that does not sync loses acknowledged rows in the same cuts', async (t) => {
  if (!requireLab(t)) return;
  const lost: string[] = [];
  for (const rows of WEAK_ROWS) {
    const { acked, kept } = await cutWeakWriter(t, rows);
    if (kept < acked) lost.push(`${acked - kept} of ${acked}`);
  }
  t.ok(lost.length > 0, `lost ${lost.join(', ')}`);
});
