import t from 'tap';
import { acknowledging } from '../../../sync/line/acknowledging.ts';
import { eventually } from '../../scenarios/eventually.ts';

t.test('what is kept is told as it grows, and nothing while it may be that of another end', async (t) => {
  let [after, isDoubted] = [1, false];
  const told: number[] = [];
  let looks = 0;
  const stop = acknowledging({
    ...{
      follower: 'hq',
      store: 's',
      lines: () => [],
      prove: undefined,
      intervalMs: 1,
      onProblem: (text) => t.fail(text),
    },
    kept: async () => ({ feed: 'f', after }),
    tell: async ({ position }) => {
      told.push(position);
      return { wanted: new Uint8Array(0), refused: '' };
    },
    isDoubted: () => {
      looks += 1;
      return isDoubted;
    },
  });
  t.teardown(stop);
  await eventually('it is told', () => told.includes(1));
  isDoubted = true;
  // A word may be on its way.
  const before = looks;
  await eventually('it is doubted', () => looks > before + 1);
  after = 2;
  const doubted = looks;
  await eventually('it is doubted for longer', () => looks > doubted + 5);
  t.same(told, [1]);
  isDoubted = false;
  await eventually('it is told again', () => told.includes(2));
  t.same(told, [1, 2]);
});

t.test('a word is said again though nothing moves, with the store that has it', async (t) => {
  const told: string[] = [];
  const stop = acknowledging({
    ...{ follower: 'hq', store: 's', lines: () => [], prove: undefined, intervalMs: 1, againMs: 20 },
    kept: async () => ({ feed: 'f', after: 7 }),
    tell: async ({ store, position }) => {
      told.push(`${store} ${position}`);
      return { wanted: new Uint8Array(0), refused: '' };
    },
    onProblem: (text) => t.fail(text),
  });
  t.teardown(stop);
  await eventually('it is told again', () => told.length >= 3);
  t.same(new Set(told), new Set(['s 7']));
});
