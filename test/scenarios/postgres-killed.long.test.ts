import process from 'node:process';
import t from 'tap';
import { requireTools } from '../debian.ts';
import { killAtRandom } from './postgres-kills.ts';

/** An hour and a half, about. */
const ROUNDS = Number(process.env.CAISSON_TEST_ROUNDS ?? 500);
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

t.setTimeout(0);

if (requireTools(t, 'postgresql')) {
  await t.test('whichever is killed, hundreds of times, every block is kept once', (t) =>
    killAtRandom(t, ROUNDS, SEED),
  );
}
