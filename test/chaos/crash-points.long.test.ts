import process from 'node:process';
import t from 'tap';
import { requireLab } from '../lab.ts';
import { replayCrashPoints } from './crash-points.ts';

const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1e9);

t.test('opens with every acknowledged sample whatever a disk kept of what it was not told to flush', async (t) => {
  if (!requireLab(t)) return;
  t.comment(`seed ${SEED}`);
  const said = await replayCrashPoints(t, { batches: 120, subsets: 2, seed: SEED });
  t.match(said, /^[1-9]\d* flush boundaries and [1-9]\d* other states/, said);
});
