import type { GatewayStatus } from '../../gateway/status.ts';

/** How often a box that has a line is asked how it does, milliseconds; each time up to a quarter earlier, so that boxes take turns. */
const LOOK_MS = 20_000;
const JITTER = 0.25;

/** What can be asked over a line. */
export interface WatchedClient {
  status(): Promise<GatewayStatus>;
}

/** How a box did when it was last asked. */
export interface BoxSeen {
  readonly status: GatewayStatus;
  /** When that was, UTC by the clock of this machine, microseconds. */
  readonly at: number;
  /** Its clock minus that of this machine, microseconds. */
  readonly aheadUs: number;
  /** How far this central had its feed then. */
  readonly position: number;
}

export interface BoxWatchesOptions {
  /** How far the feed of a gateway is here. */
  readonly position: (gateway: string) => Promise<number>;
  /** Told how a gateway does, and how it did when it was asked before. */
  readonly onSeen?: (status: GatewayStatus, before: GatewayStatus | undefined) => void;
  /** UTC, microseconds. */
  readonly now: () => number;
  readonly lookMs?: number;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
}

/** Asks every box that has a line, from time to time, how it does. */
export class BoxWatches {
  readonly #options: BoxWatchesOptions;
  readonly #seen = new Map<string, BoxSeen>();

  constructor(options: BoxWatchesOptions) {
    this.#options = options;
  }

  /** How that gateway did; undefined where it had no line since the start. */
  of(gateway: string): BoxSeen | undefined {
    return this.#seen.get(gateway);
  }

  /** Looks at who is at the other end of `client` for as long as its line is open; returns what ends that. */
  attend(client: WatchedClient, first: GatewayStatus): () => void {
    if (first.role !== 'gateway') return () => {};
    const { lookMs = LOOK_MS, random = Math.random } = this.#options;
    let isOpen = true;
    let timer: NodeJS.Timeout | undefined;
    const wait = () => {
      if (isOpen) timer = setTimeout(look, lookMs * (1 - JITTER * random()));
    };
    const look = () => {
      this.#look(client, () => isOpen)
        // A line that does not answer is cut by who pulls over it, who also says why.
        .catch(() => {})
        .then(wait);
    };
    void this.#keep(first, this.#options.now(), () => isOpen).then(wait, wait);
    return () => {
      isOpen = false;
      clearTimeout(timer);
    };
  }

  async #look(client: WatchedClient, isOpen: () => boolean): Promise<void> {
    const { now } = this.#options;
    const asked = now();
    const status = await client.status();
    await this.#keep(status, (asked + now()) / 2, isOpen);
  }

  /** @param saidAt about when it said so, UTC here */
  async #keep(status: GatewayStatus, saidAt: number, isOpen: () => boolean): Promise<void> {
    const position = await this.#options.position(status.gateway);
    if (!isOpen()) return;
    this.#options.onSeen?.(status, this.#seen.get(status.gateway)?.status);
    this.#seen.set(status.gateway, { status, at: this.#options.now(), aheadUs: status.now - saidAt, position });
  }
}
