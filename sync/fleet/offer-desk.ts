import type { ConfigAnswer } from '../../gateway/config/offer/offer.ts';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { OfferConfigRequestMessage } from '../api/fleet-messages.ts';
import type { ConfigOffer, OfferFolder, OfferResult } from './offer-folder.ts';

/** How often new offers are looked for, and what became of a trial is asked, milliseconds. */
const LOOK_MS = 1_000;
const TRIAL_LOOK_MS = 5_000;

/** What could not be noted is tried again after, milliseconds. */
const NOTE_AGAIN_MS = 60_000;

/** A trial that began is asked about for so long after its time, microseconds: its box may be on its way back. */
const OUTCOME_US = 3600e6;

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
  /** True once its box has begun to try it. */
  isTried: boolean;
}

/** Takes offers to the boxes they are for, as these have a line, until each is answered. */
export class OfferDesk {
  readonly #options: OfferDeskOptions;
  readonly #clients = new Map<string, OfferedClient>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #done = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #isReadable = true;

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
    const { now } = this.#options;
    this.#takeIn();
    for (const waiting of this.#waiting.values()) {
      const client = this.#clients.get(waiting.offer.gateway);
      if (waiting.isAsked || now() < waiting.notBefore) continue;
      if (now() >= this.#expires(waiting)) this.#finish(waiting, { problem: 'its box was not reached in time' });
      else if (client !== undefined) void this.#ask(client, waiting);
    }
  }

  #takeIn(): void {
    for (const id of this.#ids()) {
      if (this.#done.has(id) || this.#waiting.has(id)) continue;
      try {
        this.#takeInOne(id);
      } catch (error) {
        // One that is damaged keeps no other one from its box.
        this.#done.add(id);
        this.#options.onProblem(`the offered config ${id} cannot be read and is left out: ${messageOf(error)}`);
      }
    }
  }

  #takeInOne(id: string): void {
    const { folder } = this.#options;
    const result = folder.result(id);
    if (result?.isDone === true) {
      this.#done.add(id);
      return;
    }
    const offer = folder.offer(id);
    this.#replaceOlder(offer);
    this.#waiting.set(id, { offer, notBefore: 0, isAsked: false, isTried: result?.answer?.state === 'trial' });
  }

  /** Of all offers; while the folder cannot be read, of none. */
  #ids(): readonly string[] {
    try {
      const ids = this.#options.folder.ids();
      this.#isReadable = true;
      return ids;
    } catch (error) {
      if (this.#isReadable) this.#options.onProblem(`offered configs cannot be read: ${messageOf(error)}`);
      this.#isReadable = false;
      return [];
    }
  }

  #expires({ offer: { expires, watchS }, isTried }: Waiting): number {
    return isTried ? expires + watchS * 1e6 + OUTCOME_US : expires;
  }

  /** Of two offers for one box the newer is meant. One that is tried already is answered all the same. */
  #replaceOlder({ gateway, kind, dryRun }: ConfigOffer): void {
    if (kind === 'show' || dryRun) return;
    for (const other of this.#waiting.values()) {
      const isOlder = other.offer.gateway === gateway && other.offer.kind === 'offer' && !other.offer.dryRun;
      if (isOlder && !other.isTried && !other.isAsked) this.#finish(other, { problem: 'a newer offer was made' });
    }
  }

  async #ask(client: OfferedClient, waiting: Waiting): Promise<void> {
    const { offer } = waiting;
    const { now, onProblem } = this.#options;
    waiting.isAsked = true;
    waiting.notBefore = now() + TRIAL_LOOK_MS * 1e3;
    try {
      const { id, kind, yaml, dryRun, watchS } = offer;
      const answer =
        kind === 'show'
          ? await client.config()
          : await client.offerConfig({ offer: id, yaml, dryRun, watchSeconds: watchS });
      if (answer.state !== 'trial') this.#finish(waiting, { answer });
      else if (!waiting.isTried) {
        waiting.isTried = true;
        this.#note(waiting, { at: now(), isDone: false, answer });
      }
      if (answer.state === 'returned') onProblem(`${offer.gateway} returned to its old config: ${answer.why}`);
    } catch (error) {
      // What may pass is asked again: the line is cut where the box starts anew.
      if (!(error instanceof CaissonError && error.retryable)) this.#finish(waiting, { problem: messageOf(error) });
    } finally {
      waiting.isAsked = false;
    }
  }

  #finish(waiting: Waiting, result: { readonly answer?: ConfigAnswer; readonly problem?: string }): void {
    const { folder, now } = this.#options;
    const { id } = waiting.offer;
    // What changes was told as the trial began; what ends it tells only how.
    const before = folder.result(id)?.answer;
    const answer = result.answer && before ? { ...before, ...result.answer, changes: before.changes } : result.answer;
    if (!this.#note(waiting, { at: now(), isDone: true, ...result, ...(answer && { answer }) })) return;
    this.#waiting.delete(id);
    this.#done.add(id);
  }

  /** False where it cannot be kept, as on a full disk: then it is asked again. */
  #note(waiting: Waiting, result: OfferResult): boolean {
    const { folder, now, onProblem } = this.#options;
    try {
      folder.keepResult(waiting.offer.id, result);
      return true;
    } catch (error) {
      waiting.notBefore = now() + NOTE_AGAIN_MS * 1e3;
      onProblem(`what ${waiting.offer.gateway} says of the offered config cannot be kept: ${messageOf(error)}`);
      return false;
    }
  }
}
