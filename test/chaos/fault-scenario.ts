import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError } from '../../gateway/errors.ts';
import { StoreHost } from '../../gateway/store-host.ts';
import type { FailingCalls, Fault } from './failing-calls.ts';
import { BATCH_SLOTS_MAX, StreamPusher } from './sample-stream.ts';
import { accountOf } from './stream-account.ts';

/** Batches published at once, and how often in each run of the scenario: in the first, full blocks are sealed. */
const BATCHES_AT_ONCE = 35;
const PUBLISHES = [12, 2];

/** A store that cannot be opened is tried again, as a service manager does, at most so often. */
const OPEN_TRIES_MAX = 100;
const OPEN_RETRY_MS = 20;

/** Longest that an acknowledgement may take once nothing fails, milliseconds. */
const ACK_MS_MAX = 60_000;

const RING_SLOTS = 1 << 17;

/** Of the journal: small, so that segments are made and used again while calls fail. */
const SEGMENT_BYTES = 1 << 16;

/** One point at which a scenario is made to fail. */
export interface FaultPoint {
  readonly fault: Fault;
  /** Number of the first call that fails. */
  readonly first: number;
  /** How long calls go on to fail after the first, milliseconds; 0 for one call alone. */
  readonly holdMs: number;
}

/** What became of a scenario. */
export interface FaultOutcome extends FaultPoint {
  /** Calls that could have failed. */
  readonly calls: number;
  /** Calls that failed; 0 where the scenario was over before. */
  readonly failed: number;
  /** How often a store thread died and was started again. */
  readonly restarts: number;
  /** How often the store was not opened. */
  readonly refusals: number;
  /** Sentences about what should not be. */
  readonly faults: readonly string[];
}

/**
 * Opens a store, takes in samples, seals, closes, opens it again and takes in more, while calls fail as `point` says; then
 * looks whether everything acknowledged is there, and whether everything was acknowledged once the calls no longer failed.
 */
export async function runScenario(calls: FailingCalls, point: FaultPoint): Promise<FaultOutcome> {
  const dir = join(calls.folder, 'store');
  rmSync(calls.folder, { recursive: true, force: true });
  mkdirSync(calls.folder);
  const scenario = new Scenario(dir);
  const last = point.holdMs === 0 ? point.first : Number.MAX_SAFE_INTEGER;
  calls.arm(point.fault, point.first, last);
  const end = endAfterHold(calls, point);
  try {
    for (const publishes of PUBLISHES) await scenario.run(publishes);
  } catch (error) {
    scenario.faults.push(String(error));
  } finally {
    clearInterval(end);
    calls.disarm();
  }
  const outcome = { calls: calls.count, failed: calls.failed };
  await scenario.examine();
  return { ...point, ...outcome, restarts: scenario.restarts, refusals: scenario.refusals, faults: scenario.faults };
}

/** Calls no longer fail when the first has failed `holdMs` ago. */
function endAfterHold(calls: FailingCalls, { holdMs }: FaultPoint): NodeJS.Timeout | undefined {
  if (holdMs === 0) return undefined;
  let since: number | undefined;
  return setInterval(() => {
    if (calls.failed > 0) since ??= performance.now();
    if (since !== undefined && performance.now() - since > holdMs) calls.disarm();
  }, 5);
}

class Scenario {
  readonly faults: string[] = [];
  restarts = 0;
  refusals = 0;
  readonly #dir: string;
  readonly #acked: number[] = [];

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** One process's life with the store: everything it publishes is to be acknowledged in the end. */
  async run(publishes: number): Promise<void> {
    const run = this.#acked.push(-1) - 1;
    const host = await this.#open();
    try {
      const pusher = new StreamPusher(host.intake, run);
      for (let i = 0; i < publishes; i += 1) {
        if (!host.intake.hasRoom(BATCHES_AT_ONCE * BATCH_SLOTS_MAX)) throw new Error('the ring is full');
        let ticket = 0;
        for (let batch = 0; batch < BATCHES_AT_ONCE; batch += 1) ticket = pusher.push();
        await withinTime(host.intake.durable(ticket), `batch ${pusher.next - 1} of run ${run}`);
        this.#acked[run] = pusher.next - 1;
      }
    } finally {
      await host.stop();
      this.restarts += host.restarts;
    }
  }

  /** Opens the store once more, without faults, and accounts for all that was taken in. */
  async examine(): Promise<void> {
    try {
      const host = await this.#open((text) => this.faults.push(`at the last start: ${text}`));
      await host.stop();
      this.faults.push(...accountOf(this.#dir, this.#acked).faults);
    } catch (error) {
      this.faults.push(`at the end: ${String(error)}`);
    }
  }

  async #open(onProblem: (text: string) => void = () => {}): Promise<StoreHost> {
    const sizes = { ringSlots: RING_SLOTS, segmentBytes: SEGMENT_BYTES };
    const options = { dir: this.#dir, gateway: 'faulty', commitFloorMs: 1, blockAgeSeconds: 60, ...sizes };
    for (let tries = 1; ; tries += 1) {
      try {
        return await StoreHost.open({ ...options, onProblem });
      } catch (error) {
        this.refusals += 1;
        if (!(error instanceof CaissonError)) this.faults.push(`refused by ${String(error)}, expected a CaissonError`);
        if (tries === OPEN_TRIES_MAX || !existsSync(join(this.#dir, '..'))) throw error;
        await pause(OPEN_RETRY_MS);
      }
    }
  }
}

async function withinTime(promise: Promise<void>, what: string): Promise<void> {
  const late = new AbortController();
  const limit = pause(ACK_MS_MAX, undefined, { signal: late.signal }).then(() => {
    throw new Error(`${what} was not acknowledged within ${ACK_MS_MAX} ms`);
  });
  try {
    await Promise.race([promise, limit]);
  } finally {
    late.abort();
    limit.catch(() => {});
  }
}
