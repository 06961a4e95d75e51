import process from 'node:process';
import t from 'tap';
import { Random } from '../../hardware/simulated/random.ts';
import { weekApart } from './week-apart.ts';

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

t.test('a week without a line costs nothing that retention allows to keep', async (t) => {
  t.comment(`CAISSON_TEST_SEED=${SEED}`);
  await weekApart(t, new Random(SEED), { samplesPerHour: 60, lineBitsPerS: 5e5 });
});
