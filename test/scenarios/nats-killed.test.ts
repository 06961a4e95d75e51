import t from 'tap';
import { Random } from '../../hardware/simulated/random.ts';
import { requireTools } from '../debian.ts';
import { natsRounds } from './nats-rounds.ts';

const ROUNDS = 5;

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

if (requireTools(t, 'nats', 'postgresql')) {
  await t.test('whatever fails between the processes of a central, who has a token misses nothing', async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    await natsRounds(t, new Random(SEED), ROUNDS);
  });
}
