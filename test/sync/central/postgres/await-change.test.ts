import { Worker } from 'node:worker_threads';
import t from 'tap';
import { awaitChange } from '../../../../sync/central/postgres/await-change.ts';

/** Wakes who waits at the first cell twenty times, says so in the second, and then changes the first. */
const WAKER = `
  const { workerData: cells } = require('node:worker_threads');
  let woken = 0;
  while (woken < 20) woken += Atomics.notify(cells, 0);
  Atomics.store(cells, 1, woken);
  Atomics.add(cells, 0, 1);
  Atomics.notify(cells, 0);
`;

t.test('a cell has changed once it is said to have, however often who waits is woken', async (t) => {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const waker = new Worker(WAKER, { eval: true, workerData: cells });
  t.equal(awaitChange(cells, 0, 0, 60_000), true);
  t.same([...cells], [1, 20]);
  await new Promise((resolve) => waker.once('exit', resolve));
  t.equal(awaitChange(cells, 0, 0, 60_000), true, 'one that has changed before is not waited for');
  t.equal(awaitChange(cells, 0, 1, 10), false, 'one that does not change is not waited for for ever');
});
