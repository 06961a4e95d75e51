import { appendFileSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { syncPath, writeWhole } from '../../durable-files.ts';
import { CaissonError, messageOf } from '../../errors.ts';
import type { ConfigOutcomeStatus, ConfigTrialStatus } from '../../status.ts';

/** Configs and what is logged of them may hold secrets. */
const FILE_MODE = 0o600;

/** Bytes of the log of changes. At the maximum: the older half of it goes. */
const LOG_BYTES_MAX = 4 << 20;

/** A config that is on trial, as it is known after a crash; and what became of it. */
export type Trial = ConfigTrialStatus;
export type TrialOutcome = ConfigOutcomeStatus;

/**
 * The files of a trial, beside the config: `caisson.yaml` is the config that holds and is changed only when a trial ends well. So
 * a process that starts and finds a trial knows that it did not.
 */
export class TrialFolder {
  readonly #config: string;
  readonly #dir: string;
  /** What the config was as the trial began; undefined where this process has begun none. */
  #before: string | undefined;

  /** @param config path of caisson.yaml */
  constructor(config: string) {
    this.#config = config;
    this.#dir = `${config}.trial`;
  }

  /** Where the config that is tried lies. It is read from the folder of the other one, so that paths mean the same. */
  get candidate(): string {
    return `${this.#config}.candidate`;
  }

  /** Makes a trial durable before it begins. @param before the config that it was made of @throws CaissonError `config-unwritable` */
  begin(trial: Trial, text: string, before: string): void {
    try {
      mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
      this.log({ event: 'trial begins', ...trial });
      writeWhole(this.candidate, text, FILE_MODE);
      writeWhole(this.#file('trial.json'), JSON.stringify(trial), FILE_MODE);
    } catch (cause) {
      throw new CaissonError('config-unwritable', `a trial beside ${this.#config}: ${messageOf(cause)}`, { cause });
    }
    this.#before = before;
  }

  /**
   * Makes the tried config the one that holds; the old one is kept as `previous.yaml`.
   * @throws CaissonError `config-unwritable`, also where somebody changed the config during the trial: what people write counts
   */
  keep(): void {
    try {
      // Where it is a link, what it leads to is written.
      const path = realpathSync(this.#config);
      const running = readFileSync(path);
      if (this.#before !== undefined && running.toString('utf8') !== this.#before) {
        throw new Error('it was changed on the box during the trial');
      }
      writeWhole(this.#file('previous.yaml'), running, FILE_MODE);
      writeWhole(path, readFileSync(this.candidate), statSync(path).mode & 0o777);
    } catch (cause) {
      throw new CaissonError('config-unwritable', `${this.#config} cannot be replaced: ${messageOf(cause)}`, { cause });
    }
  }

  /** Ends a trial, whose outcome is remembered for who asks. */
  end(outcome: TrialOutcome): void {
    writeWhole(this.#file('last.json'), JSON.stringify(outcome), FILE_MODE);
    this.log({ event: `trial ends: ${outcome.outcome}`, ...outcome });
    rmSync(this.#file('trial.json'), { force: true });
    rmSync(this.candidate, { force: true });
    syncPath(this.#dir);
  }

  /** How the last trial ended; undefined where there was none. */
  last(): TrialOutcome | undefined {
    return this.#read<TrialOutcome>('last.json');
  }

  /**
   * Ends a trial that the process before this one did not end: returned, but where the config already was what it tried.
   * @param now UTC, microseconds
   */
  recover(now: number): TrialOutcome | undefined {
    const trial = this.#read<Trial>('trial.json');
    if (trial === undefined) {
      // A process that ended before its trial was durable.
      for (const path of [this.candidate, this.#file('trial.json')]) rmSync(path, { force: true });
      return undefined;
    }
    const isKept = existsSync(this.candidate) && readFileSync(this.#config).equals(readFileSync(this.candidate));
    const why = isKept ? '' : 'the process ended during the trial';
    const outcome: TrialOutcome = {
      ...{ ...trial, why, ended: now, downtimeMs: 0 },
      outcome: isKept ? 'kept' : 'returned',
    };
    this.end(outcome);
    return outcome;
  }

  /** Adds a line to the log of who changed what and when. */
  log(entry: object): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const path = this.#file('audit.log');
    if (existsSync(path) && statSync(path).size > LOG_BYTES_MAX) {
      const lines = readFileSync(path, 'utf8').split('\n');
      writeWhole(path, lines.slice(lines.length >> 1).join('\n'), FILE_MODE);
    }
    appendFileSync(path, `${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`, { mode: FILE_MODE });
  }

  #file(name: string): string {
    return join(this.#dir, name);
  }

  /** What was written whole; undefined where there is nothing, or a disk has damaged it: the config holds either way. */
  #read<Content>(name: string): Content | undefined {
    try {
      return JSON.parse(readFileSync(this.#file(name), 'utf8')) as Content;
    } catch {
      return undefined;
    }
  }
}
