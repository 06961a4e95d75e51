import t from 'tap';
import { ChangeGroup } from '../../../sync/central/change-group.ts';

/** A store of texts that notes what it commits together. */
class TextStore {
  readonly kept: string[] = [];
  readonly commits: string[][] = [];
  /** Times that it was told that something was taken back. */
  takenBack = 0;
  /** Commits that are to fail when all is written. */
  failures = 0;
  #open: string[] = [];
  readonly group = new ChangeGroup({
    transaction: (change) => {
      this.#open = [];
      change();
      if (this.failures > 0) {
        this.failures -= 1;
        throw new Error('the disk is full');
      }
      this.commits.push(this.#open);
      this.kept.push(...this.#open);
    },
    takenBack: () => {
      this.takenBack += 1;
    },
  });

  /** Writes a text; a bad one fails, after it was written. */
  write(text: string): Promise<number> {
    return this.group.add(() => {
      this.#open.push(text);
      if (text === 'bad') throw new Error('refused');
      return this.#open.length;
    });
  }
}

t.test('what comes together is in one commit, in its order; what comes later in the next', async (t) => {
  const store = new TextStore();
  t.same(await Promise.all(['a', 'b', 'c'].map((text) => store.write(text))), [1, 2, 3]);
  t.equal(await store.write('d'), 1);
  t.same(store.commits, [['a', 'b', 'c'], ['d']]);
});

t.test('is durable when it says so', async (t) => {
  const store = new TextStore();
  const said: string[][] = [];
  await Promise.all(['a', 'b'].map((text) => store.write(text).then(() => said.push([...store.kept]))));
  t.same(said, [
    ['a', 'b'],
    ['a', 'b'],
  ]);
});

t.test('one that fails costs the others nothing', async (t) => {
  const store = new TextStore();
  const results = await Promise.allSettled(['a', 'bad', 'b'].map((text) => store.write(text)));
  t.same(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  t.same(store.kept, ['a', 'b']);
  t.equal(store.takenBack, 2, 'the group, and the one alone');
  await t.rejects(store.write('bad'), { message: 'refused' });
  t.equal(await store.write('c'), 1);
  t.same(store.kept, ['a', 'b', 'c']);
});

t.test('where a commit fails, each is tried alone, and told what became of it', async (t) => {
  const store = new TextStore();
  store.failures = 2;
  const results = await Promise.allSettled(['a', 'b', 'c'].map((text) => store.write(text)));
  t.same(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  t.same(store.kept, ['b', 'c']);
});

t.test('changes that take long are not all in one commit: other things are done in between', async (t) => {
  const store = new TextStore();
  let between = 0;
  const slow = () =>
    store.group.add(() => {
      for (const end = performance.now() + 60; performance.now() < end; );
      return between;
    });
  const all = Promise.all([slow(), slow()]);
  setImmediate(() => {
    between += 1;
  });
  t.same(await all, [0, 1]);
  t.equal(store.commits.length, 2);
});
