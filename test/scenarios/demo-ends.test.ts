import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { DemoChild } from './demo-child.ts';
import { eventually } from './eventually.ts';
import { processes, treeOf } from './process-tree.ts';

const PORTS = ['--port', '--grpc-port', '--central-port', '--mqtt-port'].flatMap((option) => [option, '0']);

/** Demos that are started until one is met before it is up. */
const TRIES_MAX = 5;

/** Of these, who is alive. */
function aliveOf(pids: readonly number[]): number[] {
  const alive = new Set(processes().map(({ pid }) => pid));
  return pids.filter((pid) => alive.has(pid));
}

t.test('gateway and central do not outlive a demo that is killed, nor keep a second one waiting', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-ends-'));
  const demo = await DemoChild.start('--data', folder);
  t.teardown(async () => {
    await demo.interrupt();
    rmSync(folder, { recursive: true, force: true });
  });

  const second = new CaissonProcess(['demo', ...PORTS, '--data', folder]);
  const { code, stdout, stderr } = await second.ended;
  t.equal(code, 1, 'the store is another one’s');
  t.match(stderr, /caisson: (gateway|central) ended \(exit code 1\) before it was up/);
  t.equal(stdout, '', 'and it never says that all is up');

  const pids = demo.processes().map(({ pid }) => pid);
  t.equal(pids.length, 3, 'demo, gateway and central');
  process.kill(demo.pid, 'SIGKILL');
  await eventually('all have ended', () => aliveOf(pids).length === 0);
});

/** A demo that has children and is not up; one that came up while this process was held up is too late. */
async function beginning(): Promise<{ readonly demo: CaissonProcess; readonly pids: readonly number[] }> {
  for (let tries = 1; ; tries += 1) {
    const demo = new CaissonProcess(['demo', ...PORTS]);
    const pids = await eventually('it has children', () => {
      const found = treeOf(demo.child.pid ?? 0).map(({ pid }) => pid);
      return found.length > 1 && found;
    });
    if (!demo.stdout.includes('Ctrl-C ends it')) return { demo, pids };
    await demo.kill('SIGINT');
    if (tries === TRIES_MAX) throw new Error(`${TRIES_MAX} demos were up as soon as they had children`);
  }
}

t.test('Ctrl-C ends a demo that is not up yet', async (t) => {
  const { demo, pids } = await beginning();
  const { code } = await demo.kill('SIGINT');
  t.equal(code, 0);
  await eventually('all have ended', () => aliveOf(pids).length === 0);
});
