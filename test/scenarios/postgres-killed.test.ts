import process from 'node:process';
import t from 'tap';
import { requireTools } from '../debian.ts';
import { killAtRandom } from './postgres-kills.ts';

const ROUNDS = 5;
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

if (requireTools(t, 'postgresql')) {
  await t.test('whichever is killed, of a box, two centrals and their PostgreSQL, every block is kept once', (t) =>
    killAtRandom(t, ROUNDS, SEED),
  );
}
