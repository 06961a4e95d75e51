import process from 'node:process';
import t from 'tap';
import { Random } from '../../hardware/simulated/random.ts';
import { weekApart } from './week-apart.ts';

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

t.setTimeout(0);

t.test(
  'a week of ten values a second of each channel without a line costs nothing that retention allows to keep',
  async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    await weekApart(t, new Random(SEED), { samplesPerHour: 36_000, lineBitsPerS: 20e6 });
  },
);
