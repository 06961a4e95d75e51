import type { Grant, Pacer } from '../../../sync/line/pacer.ts';

/** A line in simulated time: a rate, a round trip, a queue, and a sender that always has more, or not. Times in milliseconds. */
export interface SimulatedLineOptions {
  readonly bytesPerS: number;
  readonly roundTripMs: number;
  /** Added to each arrival, at most; drawn. */
  readonly jitterMs?: number;
  readonly random?: () => number;
  /** What the sender has at that time; false: nothing. */
  readonly hasMore?: (now: number) => boolean;
}

/** What a stretch of the simulation brought. */
export interface Stretch {
  readonly bytesPerS: number;
  /** Line time of the queue as each message met it, mean and most. */
  readonly queueMs: number;
  readonly queueMsMax: number;
}

interface Event {
  readonly at: number;
  run(): void;
}

/** Runs a pacer over a line, event by event. */
export class SimulatedLine {
  /** May change while it runs. */
  bytesPerS: number;
  roundTripMs: number;
  /** Of somebody else, bytes a second. */
  cross = 0;
  readonly #pacer: Pacer;
  readonly #options: SimulatedLineOptions;
  #events: Event[] = [];
  #now = 0;
  #freeAt = 0;
  #arrivedLast = 0;
  #grant: Grant | undefined;
  #grantedAt = 0;
  #isWaiting = true;
  #used = 0;
  #delivered = 0;
  #queues: number[] = [];

  constructor(pacer: Pacer, options: SimulatedLineOptions) {
    this.#pacer = pacer;
    this.#options = options;
    this.bytesPerS = options.bytesPerS;
    this.roundTripMs = options.roundTripMs;
    this.#tellGrant();
    const again = () => {
      this.#tellGrant();
      this.#send();
      this.#at(this.#now + 5, again);
    };
    this.#at(0, again);
  }

  /** Runs on for so long. */
  run(ms: number): Stretch {
    const [end, before] = [this.#now + ms, this.#delivered];
    this.#queues = [];
    for (;;) {
      let next: Event | undefined;
      for (const event of this.#events) if (next === undefined || event.at < next.at) next = event;
      if (next === undefined || next.at > end) break;
      this.#events.splice(this.#events.indexOf(next), 1);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
    const queueMs = this.#queues.reduce((sum, each) => sum + each, 0) / Math.max(1, this.#queues.length);
    const bytesPerS = ((this.#delivered - before) * 1e3) / ms;
    return { bytesPerS, queueMs, queueMsMax: Math.max(0, ...this.#queues) };
  }

  #at(at: number, run: () => void): void {
    this.#events.push({ at, run });
  }

  #tellGrant(): void {
    const grant = this.#pacer.grant(this.#now);
    if (grant === undefined) return;
    this.#at(this.#now + this.roundTripMs / 2, () => {
      this.#grant = grant;
      this.#grantedAt = this.#now;
      this.#send();
    });
  }

  #send(): void {
    const { hasMore = () => true, jitterMs = 0, random = () => 0 } = this.#options;
    while (this.#grant !== undefined && hasMore(this.#now)) {
      const { bytes: granted, quantumBytes: bytes, number } = this.#grant;
      if (granted - this.#used < bytes) {
        this.#isWaiting = true;
        return;
      }
      this.#used += bytes;
      const heldMs = this.#isWaiting ? 0 : Math.max(0.001, this.#now - this.#grantedAt);
      this.#isWaiting = false;
      this.#queues.push(Math.max(0, this.#freeAt - this.#now));
      this.#freeAt = Math.max(this.#now, this.#freeAt) + (bytes * 1e3) / (this.bytesPerS - this.cross);
      const at = Math.max(this.#arrivedLast, this.#freeAt + this.roundTripMs / 2 + jitterMs * random());
      this.#arrivedLast = at;
      this.#at(at, () => {
        this.#delivered += bytes;
        this.#pacer.received(this.#now, bytes, number, heldMs);
        this.#tellGrant();
      });
    }
  }
}
