import process from 'node:process';
import t from 'tap';
import { requireLab } from '../lab.ts';
import { replayMergeCrashPoints } from './merge-crash-points.ts';

const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1e9);

t.test(
  'a power cut while packs are merged, backed up or restored costs no sample, and no half of it is shown',
  async (t) => {
    if (!requireLab(t)) return;
    t.comment(`seed ${SEED}`);
    const said = await replayMergeCrashPoints(t, { subsets: 2, seed: SEED });
    t.match(said, /^[1-9]\d* flush boundaries and [1-9]\d* other states/, said);
  },
);
