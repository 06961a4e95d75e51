import t from 'tap';
import { requireLab } from '../lab.ts';
import { replayCrashPoints } from './crash-points.ts';

t.test('opens with every acknowledged sample at each flush boundary of a recorded run', async (t) => {
  if (!requireLab(t)) return;
  const said = await replayCrashPoints(t, { batches: 12, subsets: 0, seed: 1 });
  t.match(said, /^[1-9]\d* flush boundaries/, said);
});
