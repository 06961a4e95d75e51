import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import { requireConfig } from '../config.ts';
import { type GatewayProcess, startGateway } from '../gateway-process.ts';
import { ConfigDesk } from './config-desk.ts';
import { dataBefore, worsening } from './data-health.ts';
import { type Trial, TrialFolder } from './trial-folder.ts';
import { withoutEnvironment } from './without-environment.ts';

/** Time between two looks at the data of a config on trial, milliseconds. */
const LOOK_MS = 1_000;

export interface RunOptions {
  readonly version: string;
  /** Folder of the built web app. */
  readonly webRoot: string;
  /** Told what a person should know, as it happens. */
  readonly say: (text: string) => void;
  /** Ends the gateway, in good order. */
  readonly stop: AbortSignal;
  /** Told of every gateway that runs. */
  readonly onRunning: (gateway: GatewayProcess, path: string) => void;
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
    const recovered = this.#folder.recover(utcNow());
    if (recovered?.outcome === 'returned') {
      options.say(`config ${recovered.digest} of ${recovered.by} was on trial as the process ended: the old one runs`);
    }
    this.#desk = new ConfigDesk(path, this.#folder, utcNow);
  }

  async run(): Promise<void> {
    const { stop } = this.#options;
    let gateway = await this.#start(this.#path);
    while (gateway !== undefined) {
      const trial = await this.#desk.nextTrial(stop);
      if (trial === undefined) {
        this.#options.say('stopping');
        await gateway.stop();
        return;
      }
      gateway = await this.#try(gateway, trial);
    }
  }

  /** Runs a trial to its end; returns what runs then, or undefined where it was told to stop. */
  async #try(running: GatewayProcess, trial: Trial): Promise<GatewayProcess | undefined> {
    const { say, stop } = this.#options;
    say(`config ${trial.digest} of ${trial.by} is tried for ${trial.watchS} s`);
    const before = dataBefore(running.status(), (performance.now() - this.#startedAt) / 1e3);
    let downSince = performance.now();
    await running.stop();
    let why: string | undefined;
    const tried = await this.#start(this.#folder.candidate).catch((error: unknown) => {
      why = `it does not start: ${messageOf(error)}`;
      return undefined;
    });
    let downtimeMs = performance.now() - downSince;
    if (tried !== undefined) why = await this.#watch(tried, before, trial);
    // A trial that is not ended returns at the next start.
    if (stop.aborted) {
      await tried?.stop();
      return undefined;
    }
    if (why === undefined) {
      this.#folder.keep();
      this.#end(trial, 'kept', '', downtimeMs);
      return tried;
    }
    downSince = performance.now();
    await tried?.stop();
    const old = await this.#start(this.#path);
    downtimeMs += performance.now() - downSince;
    this.#end(trial, 'returned', why, downtimeMs);
    return old;
  }

  /** Looks at the data until the time is over; returns why it is worse off. */
  async #watch(
    gateway: GatewayProcess,
    before: ReturnType<typeof dataBefore>,
    { by, watchS }: Trial,
  ): Promise<string | undefined> {
    const { stop } = this.#options;
    for (;;) {
      await pause(LOOK_MS, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) return undefined;
      const elapsedMs = performance.now() - this.#startedAt;
      const heardAt = this.#heard.get(by);
      const centralSilentMs = heardAt === undefined ? undefined : performance.now() - heardAt;
      const isLast = elapsedMs >= watchS * 1e3;
      const why = worsening(before, { elapsedMs, status: gateway.status(), centralSilentMs, isLast });
      if (why !== undefined || isLast) return why;
    }
  }

  async #start(path: string): Promise<GatewayProcess | undefined> {
    const { version, webRoot, say, stop, onRunning } = this.#options;
    this.#heard.clear();
    const config = requireConfig(path);
    const desk = this.#desk;
    const gateway = await startGateway(config, {
      ...{ version, webRoot, onProblem: say, signal: stop },
      config: { status: () => desk.status(), answer: (request) => desk.answer(request) },
      onHeard: (central) => this.#heard.set(central, performance.now()),
    }).catch((error: unknown) => {
      if (!stop.aborted) throw error;
      say('stopped before the store could be opened');
      return undefined;
    });
    this.#startedAt = performance.now();
    if (gateway !== undefined) onRunning(gateway, path);
    return gateway;
  }

  #end(trial: Trial, outcome: 'kept' | 'returned', why: string, downMs: number): void {
    const downtimeMs = Math.round(downMs);
    const told = withoutEnvironment(why, readFileSync(this.#path, 'utf8'));
    const ended = { ...trial, outcome, why: told, ended: utcNow(), downtimeMs };
    this.#folder.end(ended);
    this.#desk.ended(ended);
    const because = why === '' ? '' : `: ${why}`;
    this.#options.say(
      `config ${trial.digest} of ${trial.by} is ${outcome === 'kept' ? 'kept' : 'taken back'}${because}; nothing was taken in for ${downtimeMs} ms`,
    );
  }
}

function utcNow(): number {
  return Date.now() * 1e3;
}
