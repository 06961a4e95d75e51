import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Test } from 'tap';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { Random } from '../../hardware/simulated/random.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { PostgresLook } from '../sync/central/postgres-rig.ts';
import { PostgresServer } from '../sync/central/postgres-server.ts';
import { blocksIn, blocksOf, definitionsIn, definitionsOf, gapsIn, gapsOf } from '../sync/same-feed.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

const HOST = '127.0.0.1';
const BOX = join(import.meta.dirname, 'box-process.js');

/** Between two things that the box seals, milliseconds. */
const PACE_MS = 20;

/** Who is killed; the first rounds take each in its turn, the others one by chance. */
const VICTIMS = ['central 0', 'central 1', 'PostgreSQL', 'box'] as const;

/**
 * A box whose store grows, two centrals that may both pull from it, and their PostgreSQL, of which one is killed at a time,
 * `rounds` times, while blocks flow. In the end nothing may be lost, nothing twice, and the ledger the same at both ends.
 */
export async function killAtRandom(t: Test, rounds: number, seed: number): Promise<void> {
  t.comment(`CAISSON_TEST_SEED=${seed}, ${rounds} rounds`);
  const random = new Random(seed);
  const dir = mkdtempSync(join(tmpdir(), 'caisson-car-'));
  const port = await freePort();
  const startBox = (paceMs: number) => startProcess([BOX, dir, port, random.bits(), paceMs]);
  let box = await startBox(PACE_MS);
  const postgres = await PostgresServer.start();
  const url = await postgres.database();
  const look = new PostgresLook(url);
  const place = ['--store', url, '--name', 'hq', '--lease', '1', '--listen', `${HOST}:0`];
  const start = () => new CaissonProcess(['central', ...place, '--pull', `${HOST}:${port}`]);
  const centrals = [start(), start()];
  t.teardown(async () => {
    for (const central of centrals) await central.kill('SIGKILL');
    await kill(box);
    await look.close();
    await postgres.dispose();
    rmSync(dir, { recursive: true });
  });
  const kept = async () => Number((await look.run('SELECT COUNT(*) AS count FROM packs'))[0]?.count);
  const answers = () => Promise.all(centrals.map((central) => central.said('central answers on ')));

  await answers();
  const victims: Partial<Record<(typeof VICTIMS)[number], number>> = {};
  for (let round = 0; round < rounds; round += 1) {
    const before = await kept();
    const more = 1 + random.below(30);
    await eventually('some of it arrived', async () => (await kept()) >= before + more);
    const at = round < VICTIMS.length ? round : random.below(VICTIMS.length);
    const victim = VICTIMS[at] ?? 'box';
    victims[victim] = (victims[victim] ?? 0) + 1;
    if (victim === 'PostgreSQL') {
      await postgres.kill();
      await postgres.startAgain();
    } else if (victim === 'box') {
      await kill(box);
      box = await startBox(PACE_MS);
    } else {
      await centrals[at]?.kill('SIGKILL');
      centrals[at] = start();
    }
    for (const [i, { child, stderr }] of centrals.entries()) {
      if (child.exitCode !== null) throw new Error(`central ${i} ended by itself: ${stderr}`);
    }
    if (round % 10 === 9) t.comment(`${round + 1} rounds, ${await kept()} packs`);
    await answers();
  }
  t.comment(`killed: ${JSON.stringify(victims)}`);

  await kill(box);
  box = await startBox(0);
  const source = BlockReader.openReadonly(storePaths(dir).blocks);
  t.teardown(() => source.close());
  const whole = blocksOf(source, 'car');
  await eventually('everything arrived', async () => blocksIn(await look.feed('car')).length >= whole.length);
  const boots = definitionsOf(source, 'car');
  await eventually('the last boot too', async () => definitionsIn(await look.feed('car')).length >= boots.length);
  const feed = await look.feed('car');
  t.same(blocksIn(feed), whole, 'every block, once, in order, byte for byte');
  t.same(gapsIn(feed), gapsOf(source, 'car'));
  t.same(definitionsIn(feed), boots);
  const sums = (accounts: readonly { kept: number; lost: number; next: number }[]) =>
    accounts.map(({ kept, lost, next }) => `${kept} ${lost} ${next}`).sort();
  t.same(sums(await look.accounts()), sums(source.accounts()), 'the ledger is the same at both ends');
  const ends = await Promise.all(centrals.map((central) => central.kill('SIGTERM')));
  for (const [i, { code }] of ends.entries()) if (code !== 0) t.comment(`central ${i}: ${centrals[i]?.stderr}`);
  t.same(
    ends.map(({ code }) => code),
    [0, 0],
    'both end in good order when asked to',
  );
}

/** Starts a script; resolves when it has said something. */
async function startProcess([script, ...parameters]: readonly (string | number)[]): Promise<ChildProcess> {
  const args = [String(script), ...parameters.map(String)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
