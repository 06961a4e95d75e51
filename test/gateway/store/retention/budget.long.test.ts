import t from 'tap';
import { runWithin } from './budget-run.ts';

t.test('ten times its budget goes through a store of 32 MiB, and the newest tenth is kept', (t) =>
  runWithin(t, 32 * 2 ** 20, 10),
);
