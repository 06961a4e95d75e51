import { readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { configChanges } from '../../config/offer/config-changes.ts';
import { mergeOffer } from '../../config/offer/merge-offer.ts';
import { type ConfigAnswer, type ConfigRequest, type OfferState, WATCH_S } from '../../config/offer/offer.ts';
import { redactedYaml } from '../../config/offer/private-yaml.ts';
import { secretKeysOf } from '../../config/schema-walk.ts';
import { CaissonError, messageOf } from '../../errors.ts';
import type { ConfigStatus } from '../../status.ts';
import { checkConfigText, filesNamedIn } from '../config.ts';
import { CONFIG_SCHEMA } from '../config-schema.ts';
import { planOf, renderPlan } from '../plan.ts';
import { configDigest } from './config-digest.ts';
import type { Trial, TrialFolder, TrialOutcome } from './trial-folder.ts';
import { withoutEnvironment } from './without-environment.ts';

/** Bytes of an offered config. Larger: refused. */
const OFFER_BYTES_MAX = 1 << 20;

/** Folder beside the config from which an offer may name files that the running config does not. */
const OFFERED_FILES = 'files';

const SECRET_KEYS = secretKeysOf(CONFIG_SCHEMA);

type Offer = Extract<ConfigRequest, { kind: 'offer' }>;

/** Answers centrals what they ask of the config, and hands over what is to be tried, one at a time. */
export class ConfigDesk {
  readonly #path: string;
  readonly #folder: TrialFolder;
  readonly #now: () => number;
  #trial: Trial | undefined;
  #last: TrialOutcome | undefined;
  #begin: ((trial: Trial) => void) | undefined;
  /** Accepted while nobody waited for it: as a gateway starts, who serves it is there first. */
  #accepted: Trial | undefined;
  #told = { text: '', digest: '' };

  /** @param path of caisson.yaml @param now UTC, microseconds */
  constructor(path: string, folder: TrialFolder, now: () => number) {
    this.#path = path;
    this.#folder = folder;
    this.#now = now;
    this.#last = folder.last();
  }

  /** What is known of the config now. */
  status(): ConfigStatus {
    return {
      digest: this.#digest(),
      ...(this.#trial !== undefined && { trial: this.#trial }),
      ...(this.#last !== undefined && { last: this.#last }),
    };
  }

  /** Resolves with the next config that is to be tried; undefined when `signal` is aborted before. */
  nextTrial(signal: AbortSignal): Promise<Trial | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    const accepted = this.#accepted;
    this.#accepted = undefined;
    if (accepted !== undefined) return Promise.resolve(accepted);
    return new Promise((resolve) => {
      const stop = () => resolve(undefined);
      signal.addEventListener('abort', stop, { once: true });
      this.#begin = (trial) => {
        signal.removeEventListener('abort', stop);
        resolve(trial);
      };
    });
  }

  /** Takes note of how a trial ended. */
  ended(outcome: TrialOutcome): void {
    this.#trial = undefined;
    this.#last = outcome;
  }

  /** What goes back to the central that asks. Never throws: whatever lies in the place of the config, the gateway runs on. */
  answer(request: ConfigRequest): ConfigAnswer {
    try {
      return request.kind === 'show' ? this.#say('shown', { yaml: this.#show() }) : this.#answerOffer(request);
    } catch (error) {
      const why = messageOf(error);
      try {
        if (request.kind === 'offer' && !request.dryRun) this.#log('offer refused', request, why);
        return this.#say('refused', { why: withoutEnvironment(why, this.#text()) });
      } catch (cause) {
        return this.#say('refused', { why: `the config of the box cannot be read or logged: ${codeOf(cause)}` });
      }
    }
  }

  #answerOffer(request: Offer): ConfigAnswer {
    const { offer, by, yaml, dryRun, watchS } = request;
    if (this.#trial?.offer === offer) return this.#say('trial');
    if (this.#last?.offer === offer) return this.#say(this.#last.outcome, { why: this.#last.why });
    if (yaml.length > OFFER_BYTES_MAX) {
      throw new CaissonError('offer-refused', `${yaml.length} characters, expected ${OFFER_BYTES_MAX} at most`);
    }
    if (!(watchS >= WATCH_S.least && watchS <= WATCH_S.most)) {
      throw new CaissonError('offer-refused', `watched for ${watchS} s, expected ${WATCH_S.least} to ${WATCH_S.most}`);
    }
    const running = this.#text();
    const text = mergeOffer(running, yaml, SECRET_KEYS);
    const plan = this.#check(running, text);
    const about = { changes: configChanges(running, text, SECRET_KEYS), plan: withoutEnvironment(plan, running) };
    if (dryRun) return this.#say('fits', about);
    if (this.#trial !== undefined) {
      throw new CaissonError('offer-refused', `a config that ${this.#trial.by} offered is on trial`);
    }
    const trial = { offer, digest: configDigest(text, SECRET_KEYS), by, begun: this.#now(), watchS };
    this.#folder.begin(trial, text, running);
    this.#trial = trial;
    // Once the answer is on its way: what serves it goes with the old config.
    setTimeout(() => this.#handOver(trial), ANSWER_MS);
    return this.#say('trial', about);
  }

  #handOver(trial: Trial): void {
    const begin = this.#begin;
    this.#begin = undefined;
    if (begin === undefined) this.#accepted = trial;
    else begin(trial);
  }

  /** What a gateway with that config opens. @throws CaissonError `offer-refused`, `config-invalid` */
  #check(running: string, text: string): string {
    const [old, fresh] = [checkConfigText(this.#path, running), checkConfigText(this.#path, text)];
    if (fresh.config === undefined) {
      // Places are of what is made of the offer, which nobody else has.
      const issues = fresh.issues.map(({ message, line, column }) => message.replace(` at ${line}:${column}`, ''));
      throw new CaissonError('config-invalid', issues.join('; '));
    }
    const known = new Set(old.config === undefined ? [] : filesNamedIn(old.config));
    const allowed = join(dirname(this.#path), OFFERED_FILES) + sep;
    const other = filesNamedIn(fresh.config).find((file) => !known.has(file) && !file.startsWith(allowed));
    if (other !== undefined) {
      throw new CaissonError('offer-refused', `an offered config may not name ${other}, expected a file in ${allowed}`);
    }
    return renderPlan(this.#path, planOf(fresh.config));
  }

  #log(event: string, { offer, by }: Offer, why: string): void {
    this.#folder.log({ event, offer, by, why });
  }

  #say(state: OfferState, more: Partial<ConfigAnswer> = {}): ConfigAnswer {
    return { state, why: '', digest: this.#digest(), yaml: '', changes: [], plan: '', ...more };
  }

  #show(): string {
    return redactedYaml(this.#text(), SECRET_KEYS);
  }

  /** It is asked for every second, and made anew where the file is another one. */
  #digest(): string {
    try {
      const text = this.#text();
      if (text !== this.#told.text) this.#told = { text, digest: configDigest(text, SECRET_KEYS) };
      return this.#told.digest;
    } catch {
      // Somebody edits the file, which is not there or not YAML at the moment.
      return '';
    }
  }

  #text(): string {
    return readFileSync(this.#path, 'utf8');
  }
}

/** How long the answer to an offer may take to leave, milliseconds. */
const ANSWER_MS = 500;

/** What a central may know of a failure that names paths of the box. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'it is damaged';
}
