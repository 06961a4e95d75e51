/**
 * Runs one scenario again and again with its calls made to fail at one point after another, in one process that must
 * live through all of them. Prints an outcome a line, as JSON, first that of a scenario without faults. Started with the
 * environment of faultEnvironment.
 *
 * usage: fault-walk.js HOLD_MS SHARE [POINTS]
 *   HOLD_MS  calls go on to fail for so long, milliseconds; 0: one call fails
 *   SHARE    0 to 1: where between two points the first lies
 *   POINTS   spread evenly over all calls of the scenario; without it every call is a point
 */
import process from 'node:process';
import { FailingCalls, type Fault } from './failing-calls.ts';
import { type FaultOutcome, runScenario } from './fault-scenario.ts';

const FAULTS: readonly Fault[] = ['ENOSPC', 'EIO'];

/** A scenario makes more calls one time than another: so much of those of one without faults is made each time. */
const SHARE_OF_CALLS = 0.75;

/** How often a scenario that was over before its point is run again, where few points stand for all. */
const TRIES_MAX = 5;

const [holdMs = 0, share = 0, points = Number.POSITIVE_INFINITY] = process.argv.slice(2).map(Number);
const calls = FailingCalls.ofThisProcess();
const print = (outcome: object) => process.stdout.write(`${JSON.stringify(outcome)}\n`);

const sound = await runScenario(calls, { fault: 'EIO', first: 0, holdMs: 0 });
print(sound);
const end = points === Number.POSITIVE_INFINITY ? sound.calls : sound.calls * SHARE_OF_CALLS;
const stride = Math.max(1, Math.floor(end / points));
for (let first = 1 + Math.floor(share * stride); first <= end; first += stride) {
  for (const fault of FAULTS) print(await runPoint(fault, first));
}
calls.close();

/** How many calls there are depends on how the threads take turns: a point is as far into those of its scenario as it was meant to be. */
async function runPoint(fault: Fault, first: number): Promise<FaultOutcome> {
  let outcome = await runScenario(calls, { fault, first, holdMs });
  for (let tries = 1; isMissed(outcome) && tries < TRIES_MAX && points !== Number.POSITIVE_INFINITY; tries += 1) {
    const nearer = Math.max(1, Math.floor((first / sound.calls) * outcome.calls));
    outcome = await runScenario(calls, { fault, first: nearer, holdMs });
  }
  return outcome;
}

function isMissed({ failed, faults }: FaultOutcome): boolean {
  return failed === 0 && faults.length === 0;
}
