import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { TrialFolder } from '../../../gateway/commands/config-trial/trial-folder.ts';

const TRIAL = { offer: 'o1', digest: 'd1', by: 'hq', begun: 1, watchS: 60 };
const [OLD, NEW] = ['sources: {}\n', 'sources: { box: { type: health } }\n'];

function folder(t: Test): { path: string; open: () => TrialFolder } {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-trial-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'caisson.yaml');
  writeFileSync(path, OLD);
  return { path, open: () => new TrialFolder(path) };
}

/** Steps of a trial that ends well, after each of which a process may be killed. */
const STEPS: readonly [string, (folder: TrialFolder) => void, string, 'returned' | 'kept' | undefined][] = [
  ['before it began', () => {}, OLD, undefined],
  ['as it was tried', (trial) => trial.begin(TRIAL, NEW, OLD), OLD, 'returned'],
  ['as it was kept', (trial) => trial.keep(), NEW, 'kept'],
  [
    'when it had ended',
    (trial) => trial.end({ ...TRIAL, outcome: 'kept', why: '', ended: 2, downtimeMs: 3 }),
    NEW,
    undefined,
  ],
];

for (const [index, [when, , config, outcome]] of STEPS.entries()) {
  t.test(
    `a process that was killed ${when} starts with ${config === OLD ? 'the old' : 'the new'} config`,
    async (t) => {
      const { path, open } = folder(t);
      for (const [, step] of STEPS.slice(0, index + 1)) step(open());
      t.equal(open().recover(9)?.outcome, outcome);
      t.equal(readFileSync(path, 'utf8'), config);
      t.notOk(existsSync(open().candidate));
      t.equal(open().recover(9), undefined, 'what was told is not told again');
      if (index > 0) t.match(open().last(), { offer: 'o1', outcome: config === OLD ? 'returned' : 'kept' });
      if (config === NEW) t.equal(readFileSync(join(`${path}.trial`, 'previous.yaml'), 'utf8'), OLD);
    },
  );
}

t.test('a candidate without its trial is removed', async (t) => {
  const { open } = folder(t);
  writeFileSync(open().candidate, NEW);
  t.equal(open().recover(9), undefined);
  t.notOk(existsSync(open().candidate));
});

t.test('a config that is a link stays one, and what it leads to is written', async (t) => {
  const { path, open } = folder(t);
  renameSync(path, `${path}.real`);
  symlinkSync('caisson.yaml.real', path);
  const trial = open();
  trial.begin(TRIAL, NEW, OLD);
  trial.keep();
  t.ok(lstatSync(path).isSymbolicLink());
  t.equal(readFileSync(`${path}.real`, 'utf8'), NEW);
});

t.test('what somebody writes on the box during a trial is not written over', async (t) => {
  const { path, open } = folder(t);
  const trial = open();
  trial.begin(TRIAL, NEW, OLD);
  writeFileSync(path, '# by hand\n');
  t.throws(() => trial.keep(), { code: 'config-unwritable', message: /changed on the box during the trial/ });
  t.equal(readFileSync(path, 'utf8'), '# by hand\n');
});

for (const name of ['trial.json', 'last.json']) {
  t.test(`a ${name} that a disk has damaged keeps no gateway from starting`, async (t) => {
    const { path, open } = folder(t);
    open().begin(TRIAL, NEW, OLD);
    if (name === 'last.json') open().recover(9);
    writeFileSync(join(`${path}.trial`, name), '{"offer":');
    t.equal(open().recover(9), undefined);
    t.equal(readFileSync(path, 'utf8'), OLD);
    t.notOk(existsSync(open().candidate));
    if (name === 'last.json') t.equal(open().last(), undefined);
  });
}
