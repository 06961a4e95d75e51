import { cpSync } from 'node:fs';
import t from 'tap';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { startCentral } from '../../../sync/central/central.ts';
import { Namesakes } from '../../../sync/fleet/namesakes.ts';
import { freePort } from '../../free-port.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { FilledStore } from '../filled-store.ts';
import { HOST, tempDir } from './fleet-contract.ts';
import { namesakeBox } from './namesake-box.ts';

const MINUTE = 60e6;

t.test('two boxes are told from one that starts anew by boots that come back, and it is over by itself', async (t) => {
  let now = 0;
  const said: string[] = [];
  let steady = 0;
  const namesakes = new Namesakes({ now: () => now, steadyMs: () => steady, onProblem: (text) => said.push(text) });
  const noted = (...boots: string[]) => {
    for (const boot of boots) {
      namesakes.note('car1', boot, steady);
      steady += 1;
    }
    return namesakes.of('car1');
  };
  t.equal(noted('', 'a', 'a', '', 'b', 'b', '', 'c'), undefined, 'one that starts again and again');
  namesakes.note('car1', 'b', steady - 2);
  t.equal(namesakes.of('car1'), undefined, 'one whose answer was on its way when the next had started');
  now = 5 * MINUTE;
  t.equal(noted('b'), now);
  t.match(said, [/^two boxes have the name car1: boots b and c answer in turn; switch the copy off/]);
  t.equal(noted('c', 'b', 'c'), now);
  t.equal(said.length, 1, 'said once');
  t.equal(namesakes.of('car2'), undefined);
  now += 11 * MINUTE;
  t.equal(noted('c', 'c'), undefined, 'it is over');
  t.equal(noted('b'), now);
  t.equal(said.length, 2, 'and begins again');
});

t.test('a central between two boxes with one name says so, and keeps what both measure', async (t) => {
  const [dir, copyDir, centralDir] = [tempDir(t), tempDir(t), tempDir(t)];
  const before = new FilledStore(dir, 'car1', new Random(1));
  before.seal('car/a', 'number', 10);
  before.close();
  cpSync(dir, copyDir, { recursive: true });
  const boxes = [await namesakeBox(t, dir, 2), await namesakeBox(t, copyDir, 3)];
  const [first, copy] = boxes;
  if (first === undefined || copy === undefined) throw new Error('no boxes');
  const problems: string[] = [];
  const port = await freePort();
  let server = await first.serve(port);
  t.teardown(() => server.stop());
  const central = await startCentral({
    ...{ host: HOST, port: 0, dir: centralDir, name: 'hq', version: '1', pull: [{ host: HOST, port }] },
    onProblem: (text) => problems.push(text),
  });
  t.teardown(() => central.stop());
  let samples = 10;
  for (let turn = 0; turn < 4; turn += 1) {
    const [box, other] = turn % 2 === 0 ? [first, copy] : [copy, first];
    samples += box.store.seal('car/a') + box.store.seal('car/b');
    await eventually('what it measured is here', () => central.status().store.samples === samples);
    await server.stop();
    server = await other.serve(port);
  }
  await eventually('the first one is back', () => problems.some((text) => text.startsWith('two boxes')));
  const kinds = problems.map((text) => /was set back|^two boxes have the name car1/.exec(text)?.[0] ?? text);
  t.same(kinds, ['was set back', 'two boxes have the name car1'], 'that the stores differ is said once');
  t.ok(central.status().problems.some(({ text }) => text.startsWith('two boxes have the name car1')));
  const [listed] = (await central.fleet()).boxes;
  t.match(listed, { gateway: 'car1', attention: 'act' });
  t.ok(listed?.reasons.some((reason) => reason.startsWith('two boxes have the name car1')));
  const kept = BlockReader.openReadonly(storePaths(centralDir).blocks);
  const accounts = kept.accounts();
  kept.close();
  t.equal(
    accounts.reduce((sum, account) => sum + account.kept, 0),
    samples,
    'every sample of both, once',
  );
  t.ok(accounts.every(({ lost }) => lost === 0));
});
