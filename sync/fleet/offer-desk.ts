import type { ConfigAnswer } from '../../gateway/config/offer/offer.ts';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { OfferConfigRequestMessage } from '../api/fleet-messages.ts';
import type { ConfigOffer, OfferFolder } from './offer-folder.ts';

/** How often new offers are looked for, and what became of a trial is asked, milliseconds. */
const LOOK_MS = 1_000;
const TRIAL_LOOK_MS = 5_000;

/** What can be asked over a line. */
export interface OfferedClient {
  config(): Promise<ConfigAnswer>;
  offerConfig(offer: OfferConfigRequestMessage): Promise<ConfigAnswer>;
}

export interface OfferDeskOptions {
  readonly folder: OfferFolder;
  /** UTC, microseconds. */
  readonly now: () => number;
  /** Told of what a person should know. */
  readonly onProblem: (text: string) => void;
}

interface Waiting {
  readonly offer: ConfigOffer;
  /** UTC, microseconds. */
  notBefore: number;
  isAsked: boolean;
}

/** Takes offers to the boxes they are for, as these have a line, until each is answered. */
export class OfferDesk {
  readonly #options: OfferDeskOptions;
  readonly #clients = new Map<string, OfferedClient>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #done = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: OfferDeskOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#clients.clear();
  }

  /** Reaches a gateway over that client as long as it is open; returns what ends that. */
  attend(client: OfferedClient, gateway: string): () => void {
    this.#clients.set(gateway, client);
    return () => {
      if (this.#clients.get(gateway) === client) this.#clients.delete(gateway);
    };
  }

  /** Takes in what was offered since, and asks who can be asked. */
  look(): void {
    const { folder, now, onProblem } = this.#options;
    try {
      this.#takeIn(folder);
    } catch (error) {
      onProblem(`offered configs cannot be read: ${messageOf(error)}`);
    }
    for (const waiting of this.#waiting.values()) {
      const client = this.#clients.get(waiting.offer.gateway);
      if (now() >= waiting.offer.expires) this.#finish(waiting, { problem: 'its box was not reached in time' });
      else if (client !== undefined && !waiting.isAsked && now() >= waiting.notBefore) void this.#ask(client, waiting);
    }
  }

  #takeIn(folder: OfferFolder): void {
    for (const id of folder.ids()) {
      if (this.#done.has(id) || this.#waiting.has(id)) continue;
      if (folder.result(id)?.isDone === true) {
        this.#done.add(id);
        continue;
      }
      const offer = folder.offer(id);
      this.#replaceOlder(offer);
      this.#waiting.set(id, { offer, notBefore: 0, isAsked: false });
    }
  }

  /** Of two offers for one box the newer is meant. One that is tried already is answered all the same. */
  #replaceOlder({ gateway, kind, dryRun }: ConfigOffer): void {
    if (kind === 'show' || dryRun) return;
    for (const other of this.#waiting.values()) {
      const isOlder = other.offer.gateway === gateway && other.offer.kind === 'offer' && !other.offer.dryRun;
      const isTried = this.#options.folder.result(other.offer.id)?.answer?.state === 'trial';
      if (isOlder && !isTried && !other.isAsked) this.#finish(other, { problem: 'a newer offer was made' });
    }
  }

  async #ask(client: OfferedClient, waiting: Waiting): Promise<void> {
    const { offer } = waiting;
    const { folder, now, onProblem } = this.#options;
    waiting.isAsked = true;
    waiting.notBefore = now() + TRIAL_LOOK_MS * 1e3;
    try {
      const { id, kind, yaml, dryRun, watchS } = offer;
      const answer =
        kind === 'show'
          ? await client.config()
          : await client.offerConfig({ offer: id, yaml, dryRun, watchSeconds: watchS });
      if (answer.state !== 'trial') this.#finish(waiting, { answer });
      else if (folder.result(id)?.answer?.state !== 'trial') {
        folder.keepResult(id, { at: now(), isDone: false, answer });
      }
      if (answer.state === 'returned') onProblem(`${offer.gateway} returned to its old config: ${answer.why}`);
    } catch (error) {
      // What may pass is asked again: the line is cut where the box starts anew.
      if (!(error instanceof CaissonError && error.retryable)) this.#finish(waiting, { problem: messageOf(error) });
    } finally {
      waiting.isAsked = false;
    }
  }

  #finish({ offer }: Waiting, result: { readonly answer?: ConfigAnswer; readonly problem?: string }): void {
    const { folder, now } = this.#options;
    // What changes was told as the trial began; what ends it tells only how.
    const before = folder.result(offer.id)?.answer;
    const answer = result.answer && before ? { ...before, ...result.answer, changes: before.changes } : result.answer;
    folder.keepResult(offer.id, { at: now(), isDone: true, ...result, ...(answer && { answer }) });
    this.#waiting.delete(offer.id);
    this.#done.add(offer.id);
  }
}
