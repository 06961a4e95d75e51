import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { SupervisedWorker } from '../../gateway/supervised-worker.ts';

/** Says which start this is, and does what it is told. */
const SCRIPT = `
import { parentPort, workerData } from 'node:worker_threads';
if (workerData === 'broken') throw Object.assign(new Error('no disk'), { code: 'store-unusable', hint: 'plug it in' });
parentPort.postMessage(workerData);
parentPort.on('message', (message) => {
  if (message === 'throw') throw new Error('a bug');
  if (message === 'throw at stop') throw new Error('no room');
  if (message === 'stop') { parentPort.postMessage('stopping'); parentPort.close(); }
});
`;

function rig(t: Test, { isBroken = false, finishesWork = false } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-worker-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const script = join(dir, 'worker.mjs');
  writeFileSync(script, SCRIPT);
  const problems: string[] = [];
  const heard: string[] = [];
  let starts = 0;
  let told: () => void = () => {};
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const worker = new SupervisedWorker<string, string>({
    name: 'test',
    script: pathToFileURL(script),
    workerData: () => (isBroken ? 'broken' : `start ${starts++}`),
    onMessage: (message) => {
      heard.push(message);
      worker.setReady();
      told();
    },
    onProblem: (text) => problems.push(text),
    onStartFailed: fail,
    finishesWork,
  });
  const hears = async (message: string) => {
    while (!heard.includes(message)) {
      await new Promise<void>((resolve) => {
        told = resolve;
      });
    }
  };
  return { worker, problems, heard, hears, failed };
}

t.test('a thread that dies is started again with fresh data, and each time it is said', async (t) => {
  const { worker, problems, hears } = rig(t);
  await hears('start 0');
  const began = performance.now();
  worker.post('throw');
  await hears('start 1');
  await worker.crash();
  // One that lived for seconds, as on a machine that stands still, starts fresh.
  const isShort = performance.now() - began < 5000;
  await hears('start 2');
  t.equal(worker.restarts, 2);
  t.match(problems, [
    /the test thread died: a bug; starting it again in 100 ms/,
    isShort ? /died: it ended by itself.* in 200 ms/ : /died: it ended by itself.* in [12]00 ms/,
  ]);
  await worker.stop('stop');
});

t.test('a thread that never got ready is not started again, and its error keeps code and hint', async (t) => {
  const { worker, problems, failed } = rig(t, { isBroken: true });
  t.match(await failed, { code: 'store-unusable', message: 'no disk', hint: 'plug it in' });
  await worker.stop('stop');
  t.equal(worker.restarts, 0);
  t.same(problems, []);
});

t.test('a stop is heard by the thread, ends it, and may be asked for twice', async (t) => {
  const { worker, problems, heard, hears } = rig(t);
  await hears('start 0');
  await Promise.all([worker.stop('stop'), worker.stop('stop')]);
  t.same(heard, ['start 0', 'stopping']);
  t.same(problems, []);
});

t.test('a thread that dies while it stops is not started again, and that is said', async (t) => {
  const { worker, problems, heard, hears } = rig(t);
  await hears('start 0');
  await worker.stop('throw at stop');
  t.same(heard, ['start 0']);
  t.same(problems, ['the test thread died while it stopped: no room']);
});

t.test('a thread that is down when it is to stop is started once more only if it has work to finish', async (t) => {
  for (const { finishesWork, expected } of [
    { finishesWork: true, expected: ['start 0', 'start 1', 'stopping'] },
    { finishesWork: false, expected: ['start 0'] },
  ]) {
    const { worker, heard, hears } = rig(t, { finishesWork });
    await hears('start 0');
    await worker.crash();
    await worker.stop('stop');
    t.same(heard, expected);
  }
});
