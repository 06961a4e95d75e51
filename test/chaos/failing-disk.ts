import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import type { Test } from 'tap';
import { runToEnd } from '../lab.ts';
import { faultEnvironment } from './failing-calls.ts';
import type { FaultOutcome } from './fault-scenario.ts';
import { machineFolder } from './machine.ts';

/** Faults of that many points are told. */
const TOLD_MAX = 10;

/** A scenario makes about, not exactly, as many calls each time: at most this share of the points may lie beyond its end. */
const MISSED_SHARE_MAX = 0.2;

/** False, with the reason, where the library that makes calls fail cannot be compiled. */
export const NO_COMPILER = spawnSync('cc', ['--version']).status === 0 ? false : 'no C compiler (cc)';

/** Runs the scenario at points spread over all its calls, at every one where `points` is left out. */
export async function walkFaults(
  t: Test,
  { holdMs, share, points }: { readonly holdMs: number; readonly share: number; readonly points?: number },
): Promise<void> {
  const folder = machineFolder(t);
  const environment = faultEnvironment(folder, join(folder, 'disk'));
  const numbers = [holdMs, share, ...(points === undefined ? [] : [points])].map(String);
  const walk = [join(import.meta.dirname, 'fault-walk.js'), ...numbers];
  const ended = await runToEnd(process.execPath, walk, environment);
  t.equal(ended.code, 0, `the process lives through every fault\n${ended.stderr}`);
  const [sound, ...outcomes] = ended.lines.map((line) => JSON.parse(line) as FaultOutcome);
  t.match(sound, { failed: 0, restarts: 0, refusals: 0, faults: [] }, 'without faults nothing is amiss');
  for (const outcome of outcomes.filter(({ faults }) => faults.length > 0).slice(0, TOLD_MAX)) {
    t.fail(`${outcome.fault} at call ${outcome.first}: ${outcome.faults.join('; ')}`, { outcome });
  }
  const hit = outcomes.filter(({ failed }) => failed > 0);
  t.ok(
    hit.length > 0 && hit.length >= outcomes.length * (1 - MISSED_SHARE_MAX),
    `${hit.length} of ${outcomes.length} hit`,
  );
  t.ok(
    hit.some(({ restarts }) => restarts > 0),
    'some faults ended a store thread, which was started again',
  );
}
