import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { CaissonError, messageOf } from '../../errors.ts';
import { requireConfig } from '../config.ts';
import type { CaissonConfig } from '../config-schema.ts';
import { type GatewayProcess, startGateway } from '../gateway-process.ts';
import { ConfigDesk } from './config-desk.ts';
import { type DataBefore, dataBefore, judge } from './data-health.ts';
import { type Trial, TrialFolder } from './trial-folder.ts';
import { withoutEnvironment } from './without-environment.ts';

/** Time between two looks at the data of a config on trial, milliseconds. */
const LOOK_MS = 1_000;

/** A config on trial must have its store open by then, milliseconds. */
const START_MS_MAX = 120_000;

/** Times that the old config is started again where what it needs is not free yet, and the time between two, milliseconds. */
const STARTS_MAX = 10;
const START_AGAIN_MS = 2_000;

export interface RunOptions {
  readonly version: string;
  /** Folder of the built web app. */
  readonly webRoot: string;
  /** Told what a person should know, as it happens. */
  readonly say: (text: string) => void;
  /** Ends the gateway, in good order. */
  readonly stop: AbortSignal;
  /** Told of every gateway that runs. */
  readonly onRunning: (gateway: GatewayProcess, config: CaissonConfig) => void;
}

/** Runs the gateway of a config, and what centrals offer in its place, until it is told to stop. @throws what {@link startGateway} throws */
export async function runWithTrials(path: string, options: RunOptions): Promise<void> {
  await new TrialRun(path, options).run();
}

class TrialRun {
  readonly #path: string;
  readonly #options: RunOptions;
  readonly #folder: TrialFolder;
  readonly #desk: ConfigDesk;
  readonly #heard = new Map<string, number>();
  #startedAt = 0;

  constructor(path: string, options: RunOptions) {
    this.#path = path;
    this.#options = options;
    this.#folder = new TrialFolder(path);
    this.#recover();
    this.#desk = new ConfigDesk(path, this.#folder, utcNow);
  }

  async run(): Promise<void> {
    let gateway = await this.#start(this.#path);
    while (gateway !== undefined) {
      const { trial, damage } = await this.#next(gateway);
      if (damage !== undefined) gateway = await this.#mend(gateway, damage);
      else if (trial !== undefined) gateway = await this.#try(gateway, trial);
      else {
        this.#options.say('stopping');
        await gateway.stop();
        return;
      }
    }
  }

  /** What comes next: a trial, damage of the store, or neither, where it is told to stop. */
  async #next({ damaged }: GatewayProcess): Promise<{ readonly trial?: Trial; readonly damage?: string }> {
    const over = new AbortController();
    const stop = AbortSignal.any([this.#options.stop, over.signal]);
    const trial = this.#desk.nextTrial(stop).then((next) => (next === undefined ? {} : { trial: next }));
    const next = await Promise.race([trial, damaged.then((damage) => ({ damage }))]);
    over.abort();
    return next;
  }

  /** A gateway whose store turned out to be damaged begins anew: as it starts, the store is made whole. */
  async #mend(gateway: GatewayProcess, damage: string): Promise<GatewayProcess | undefined> {
    this.#options.say(
      `the store is damaged (${damage}): the gateway starts again, and makes it anew of what can be read`,
    );
    await gateway.stop();
    return this.#startAgain();
  }

  /** What was on trial as the process before this one ended is over: `caisson.yaml` is what holds. */
  #recover(): void {
    const { say } = this.#options;
    try {
      const recovered = this.#folder.recover(utcNow());
      if (recovered?.outcome !== 'returned') return;
      say(`config ${recovered.digest} of ${recovered.by} was on trial as the process ended: the old one runs`);
    } catch (error) {
      say(`a config was on trial as the process ended, which cannot be noted: ${messageOf(error)}; the old one runs`);
    }
  }

  /** Runs a trial to its end; returns what runs then, or undefined where it was told to stop. */
  async #try(running: GatewayProcess, trial: Trial): Promise<GatewayProcess | undefined> {
    const { say, stop } = this.#options;
    say(`config ${trial.digest} of ${trial.by} is tried for ${trial.watchS} s`);
    const before = dataBefore(running.status(), (performance.now() - this.#startedAt) / 1e3);
    let downSince = performance.now();
    await running.stop();
    let why = '';
    const tried = await this.#start(this.#folder.candidate, AbortSignal.timeout(START_MS_MAX)).catch(
      (error: unknown) => {
        why = `it does not start: ${messageOf(error)}`;
        return undefined;
      },
    );
    let downtimeMs = performance.now() - downSince;
    if (tried !== undefined) why = await this.#watch(tried, before, trial);
    // A trial that is not ended returns at the next start.
    if (stop.aborted) {
      await tried?.stop();
      return undefined;
    }
    if (why === '' && tried !== undefined) {
      why = this.#keep();
      if (why === '') {
        this.#end(trial, 'kept', '', downtimeMs);
        return tried;
      }
    }
    downSince = performance.now();
    await tried?.stop();
    try {
      return await this.#startAgain();
    } finally {
      downtimeMs += performance.now() - downSince;
      if (!stop.aborted) this.#end(trial, 'returned', why, downtimeMs);
    }
  }

  /** Returns why the config cannot be kept; empty where it is. */
  #keep(): string {
    try {
      this.#folder.keep();
      return '';
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Looks at the data until the time is over; returns why it is worse off, empty where it is not. */
  async #watch(gateway: GatewayProcess, before: DataBefore, { by, watchS }: Trial): Promise<string> {
    const { stop } = this.#options;
    for (;;) {
      await pause(LOOK_MS, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) return '';
      const elapsedMs = performance.now() - this.#startedAt;
      const heardAt = this.#heard.get(by);
      const centralSilentMs = heardAt === undefined ? undefined : performance.now() - heardAt;
      const moment = { elapsedMs, watchMs: watchS * 1e3, status: gateway.status(), centralSilentMs };
      const { state, why } = judge(before, moment);
      if (state !== 'open') return why;
    }
  }

  /** The old config, which ran a moment ago: what it needs may still be in use for a while. */
  async #startAgain(): Promise<GatewayProcess | undefined> {
    const { say, stop } = this.#options;
    for (let starts = 1; ; starts += 1) {
      try {
        return await this.#start(this.#path);
      } catch (error) {
        if (starts >= STARTS_MAX || !(error instanceof CaissonError && error.retryable)) throw error;
        say(`the old config does not start yet: ${messageOf(error)}`);
      }
      await pause(START_AGAIN_MS, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) return undefined;
    }
  }

  /** Undefined where it was told to stop before. @throws what {@link startGateway} throws; the reason of `late` */
  async #start(path: string, late?: AbortSignal): Promise<GatewayProcess | undefined> {
    const { version, webRoot, say, stop, onRunning } = this.#options;
    this.#heard.clear();
    const config = requireConfig(path);
    const desk = this.#desk;
    const gateway = await startGateway(config, {
      ...{ version, webRoot, onProblem: say, signal: late === undefined ? stop : AbortSignal.any([stop, late]) },
      config: { status: () => desk.status(), answer: (request) => desk.answer(request) },
      onHeard: (central) => this.#heard.set(central, performance.now()),
    }).catch((error: unknown) => {
      if (!stop.aborted) throw error;
      say('stopped before the store could be opened');
      return undefined;
    });
    this.#startedAt = performance.now();
    if (gateway !== undefined) onRunning(gateway, config);
    return gateway;
  }

  #end(trial: Trial, outcome: 'kept' | 'returned', why: string, downMs: number): void {
    const downtimeMs = Math.round(downMs);
    const told = withoutEnvironment(why, textAt(this.#path));
    const ended = { ...trial, outcome, why: told, ended: utcNow(), downtimeMs };
    this.#desk.ended(ended);
    try {
      this.#folder.end(ended);
    } catch (error) {
      // Whoever starts next finds it out of the files that are there.
      this.#options.say(`how the trial ended cannot be noted: ${messageOf(error)}`);
    }
    const because = why === '' ? '' : `: ${why}`;
    this.#options.say(
      `config ${trial.digest} of ${trial.by} is ${outcome === 'kept' ? 'kept' : 'taken back'}${because}; nothing was taken in for ${downtimeMs} ms`,
    );
  }
}

function utcNow(): number {
  return Date.now() * 1e3;
}

/** Empty where it is gone. */
function textAt(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
