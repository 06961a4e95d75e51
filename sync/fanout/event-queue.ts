import { randomBytes } from 'node:crypto';
import { sleep } from '../line/sleep.ts';
import type { FanoutEvent } from './events.ts';
import type { KeptMessage, NatsLink } from './nats-link.ts';
import type { NatsSubjects } from './nats-subjects.ts';

/** Events that wait for a cluster that is away, of those that are in no store. At the maximum: the oldest go, and are counted. */
const EVENTS_MAX = 1024;

/** Wait after a failure, milliseconds. */
const RETRY_MS = 500;

/** Publishes events that only this process knows of, in their order. */
export class EventQueue {
  readonly #link: NatsLink;
  readonly #subjects: NatsSubjects;
  readonly #central: string;
  readonly #own = randomBytes(8).toString('hex');
  readonly #waiting: KeptMessage[] = [];
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #count = 0;
  /** Events that had to go before they were published. */
  dropped = 0;

  constructor(link: NatsLink, subjects: NatsSubjects, central: string) {
    this.#link = link;
    this.#subjects = subjects;
    this.#central = central;
  }

  add(gateway: string, event: FanoutEvent): void {
    const { kind, ...more } = event;
    this.#count += 1;
    const payload = Buffer.from(JSON.stringify({ kind, central: this.#central, gateway, ...more }));
    this.#waiting.push({ subject: this.#subjects.event(gateway, kind), payload, id: `${this.#own} ${this.#count}` });
    if (this.#waiting.length > EVENTS_MAX) {
      this.#waiting.shift();
      this.dropped += 1;
    }
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let first = this.#waiting[0]; first !== undefined && !signal.aborted; first = this.#waiting[0]) {
      try {
        await this.#link.publish(first);
        if (this.#waiting[0] === first) this.#waiting.shift();
      } catch {
        // Why stands in the status of the link.
        await sleep(RETRY_MS, signal);
      }
    }
    this.#running = undefined;
  }
}
