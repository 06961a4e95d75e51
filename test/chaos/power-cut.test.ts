import process from 'node:process';
import t from 'tap';
import { requireLab } from '../lab.ts';
import { cutStore, cutWeakWriter } from './power-cut.ts';

const CUTS = 3;
const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1e9);

/** Rows that the weak writer acknowledges before its power is cut. */
const WEAK_ROWS = 300;

t.test('keeps every acknowledged sample, once, when the power is cut again and again', async (t) => {
  if (!requireLab(t)) return;
  t.comment(`seed ${SEED}`);
  const { ackedBatches, kept } = await cutStore(t, CUTS, SEED);
  t.ok(ackedBatches > 0 && kept > 0, `${ackedBatches} batches were acknowledged, ${kept} samples kept`);
});

t.test('the same cut takes acknowledged rows from a writer that does not sync', async (t) => {
  if (!requireLab(t)) return;
  const { acked, kept } = await cutWeakWriter(t, WEAK_ROWS);
  t.ok(kept < acked, `of ${acked} acknowledged rows ${kept} were there`);
});
