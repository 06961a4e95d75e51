import { stat } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { CaissonError } from '../../../gateway/errors.ts';
import { type BlockStore, NO_PROGRESS } from '../../../sync/central/block-store.ts';
import { StoreWatch } from '../../../sync/central/store-watch.ts';
import { standStill } from '../../stolen-time.ts';
import { waitFor } from '../../wait-for.ts';

const FULL = new Error('database or disk is full');

/** A store that fails as it is told to. */
class ShakyStore {
  failure: Error | undefined;
  trials = 0;
  trialFailure: Error | undefined;
  /** What it has is told when this resolves. */
  answered: Promise<void> = Promise.resolve();
  readonly blocks: BlockStore = {
    progress: async () => NO_PROGRESS,
    change: async () => {
      if (this.failure !== undefined) throw this.failure;
      return undefined as never;
    },
  };

  async totals(): Promise<{ blocks: number; bytes: number }> {
    await this.answered;
    return { blocks: 3, bytes: 1000 };
  }

  async tryKeeping(): Promise<void> {
    this.trials += 1;
    if (this.trialFailure !== undefined) throw this.trialFailure;
  }
}

function watched(t: Test, store: ShakyStore) {
  const said: string[] = [];
  const watch = new StoreWatch({ store, onProblem: (text) => said.push(text) });
  t.teardown(() => watch.stop());
  return { watch, said };
}

t.test('a store that cannot keep is not ready until a trial is durable, and that is said once', async (t) => {
  const store = new ShakyStore();
  const { watch, said } = watched(t, store);
  let changes = 0;
  watch.onChange(() => {
    changes += 1;
  });
  await watch.look();
  t.match(watch, { problem: undefined, totals: { blocks: 3, bytes: 1000 } });
  t.equal(store.trials, 0, 'a store that is well is not written to');
  store.failure = FULL;
  store.trialFailure = FULL;
  await t.rejects(
    watch.blocks.change('car', [], () => {}),
    FULL,
  );
  for (let look = 0; look < 3; look += 1) await watch.look();
  t.match(watch, { problem: FULL.message, totals: undefined });
  t.match(said, [/takes nothing.*disk is full/]);
  store.trialFailure = undefined;
  await watch.look();
  t.match(watch, { problem: undefined, totals: { blocks: 3 } });
  t.match(said, [/takes nothing/, /takes what comes again/]);
  t.equal(changes, 2);
});

t.test('a gateway that another process holds is no fault of the store', async (t) => {
  const store = new ShakyStore();
  const { watch } = watched(t, store);
  store.failure = new CaissonError('gateway-held', 'hq-2 pulls from car', { retryable: true });
  await t.rejects(
    watch.blocks.change('car', [], () => {}),
    { code: 'gateway-held' },
  );
  await watch.look();
  t.equal(store.trials, 0);
});

t.test('a store that does not answer is not waited for', async (t) => {
  const store = new ShakyStore();
  const { watch, said } = watched(t, store);
  let answer = () => {};
  store.answered = new Promise((resolve) => {
    answer = resolve;
  });
  const looked = watch.look();
  await waitFor('it is given up', () => watch.problem !== undefined, 20_000);
  t.match(watch, { problem: /not answered/, totals: undefined });
  answer();
  await looked;
  t.match(watch, { problem: undefined, totals: { blocks: 3 } });
  t.equal(said.length, 2);
});

t.test('a store that answered while this process stood still is not away', async (t) => {
  const store = new ShakyStore();
  const { watch, said } = watched(t, store);
  await watch.look();
  let looked: Promise<void> | undefined;
  await standStill(4000, () => {
    store.answered = stat('/').then(() => {});
    looked = watch.look();
  });
  await looked;
  t.equal(watch.problem, undefined);
  t.same(said, []);
});
