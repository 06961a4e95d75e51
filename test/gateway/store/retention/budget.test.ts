import t from 'tap';
import { runWithin } from './budget-run.ts';

t.test('ten times its budget goes through a store of 4 MB, and the newest tenth is kept', (t) => runWithin(t, 4e6, 10));
