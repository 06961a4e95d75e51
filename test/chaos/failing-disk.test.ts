import process from 'node:process';
import t from 'tap';
import { NO_COMPILER, walkFaults } from './failing-disk.ts';

const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1000);

t.comment(`seed ${SEED}`);

t.test('a write or sync that fails costs no acknowledged sample', { skip: NO_COMPILER }, async (t) => {
  await walkFaults(t, { holdMs: 0, share: SEED / 1000, points: 4 });
});

t.test('a disk that fails for a while costs no sample', { skip: NO_COMPILER }, async (t) => {
  await walkFaults(t, { holdMs: 300, share: SEED / 1000, points: 2 });
});
