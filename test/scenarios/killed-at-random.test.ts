import process from 'node:process';
import t from 'tap';
import { Random } from '../../hardware/simulated/random.ts';
import { requireTools } from '../debian.ts';
import { killAtRandom } from './kill-rounds.ts';

const ROUNDS = 20;
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

if (requireTools(t, 'nats', 'postgresql')) {
  await t.test(
    'whatever is killed, of a gateway, a central, PostgreSQL and NATS, each sample is kept once',
    async (t) => {
      t.comment(`CAISSON_TEST_SEED=${SEED}`);
      await killAtRandom(t, new Random(SEED), ROUNDS);
    },
  );
}
