import { messageOf } from '../../gateway/errors.ts';
import { type Sleep, sleep } from '../line/sleep.ts';
import { isRenewalDue } from './identity.ts';
import type { IdentityFolder } from './identity-folder.ts';
import { refresh } from './trust-client.ts';

/** How often central is asked what was taken back, milliseconds; each wait is shortened by up to a quarter by chance. */
const REFRESH_MS = 300_000;
const JITTER = 0.25;

export interface RefreshLoopOptions {
  readonly identity: IdentityFolder;
  /** Told of what a person should know, once until it changes. */
  readonly onProblem: (text: string) => void;
  readonly sleep?: Sleep;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
}

/**
 * Keeps an identity fresh for as long as it runs: what was taken back is known here within minutes, and the certificate is
 * renewed when two thirds of its life have passed. Connections stay: only those that are made later show the new one.
 */
export class RefreshLoop {
  readonly #options: RefreshLoopOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(options: RefreshLoopOptions) {
    this.#options = options;
  }

  /** Begins; returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { identity, sleep: rest = sleep, random = Math.random } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#refresh(identity);
      await rest(REFRESH_MS * (1 - JITTER * random()), signal);
    }
  }

  async #refresh(identity: IdentityFolder): Promise<void> {
    try {
      await refresh(identity);
      this.#problem = undefined;
    } catch (error) {
      // Central is out of reach now and then; what it says, or a certificate that will expire, a person must know.
      const isPressing = isRenewalDue(identity.credentials, Date.now());
      const text = `the certificate was not refreshed: ${messageOf(error)}`;
      const isAnswer = error instanceof Error && 'code' in error && error.code !== 'central-unreachable';
      if ((isPressing || isAnswer) && text !== this.#problem && !this.#stopping.signal.aborted) {
        this.#options.onProblem(text);
        this.#problem = text;
      }
    }
  }
}
