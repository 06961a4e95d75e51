import process from 'node:process';
import t from 'tap';
import { Random } from '../../hardware/simulated/random.ts';
import { requireTools } from '../debian.ts';
import { killAtRandom } from './kill-rounds.ts';

/** An hour, about. */
const ROUNDS = Number(process.env.CAISSON_TEST_ROUNDS ?? 500);
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

t.setTimeout(0);

if (requireTools(t, 'nats', 'postgresql')) {
  await t.test('whatever is killed, hundreds of times, each sample is kept once', async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    await killAtRandom(t, new Random(SEED), ROUNDS);
  });
}
