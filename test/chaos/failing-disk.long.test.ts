import t from 'tap';
import { NO_COMPILER, walkFaults } from './failing-disk.ts';

t.test('no single write or sync that fails costs an acknowledged sample', { skip: NO_COMPILER }, async (t) => {
  await walkFaults(t, { holdMs: 0, share: 0 });
});

t.test('a disk that fails for a while, from any of 100 calls on, costs no sample', { skip: NO_COMPILER }, async (t) => {
  await walkFaults(t, { holdMs: 300, share: 0.5, points: 100 });
});
