import type { DestinationStatus, GatewayStatus, SettledStatus } from '../../gateway/status.ts';

/** How often a box that has a line is asked how it does, milliseconds; each time up to a quarter earlier, so that boxes take turns. */
const LOOK_MS = 20_000;
const JITTER = 0.25;

/** How often it is looked whether what a box spoke of has come, milliseconds. */
const ARRIVAL_MS = 1_000;

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
  /** What it took in before is here, UTC in microseconds; undefined where that is not known. */
  readonly settledUntil: number | undefined;
}

/** Channels that a box keeps from a central, by why; undefined where that is not known. */
export function withheldFrom(central: string, seen: BoxSeen | undefined): Readonly<Record<string, number>> | undefined {
  return toldOf(central, seen)?.withheld;
}

/** Stores that a box hears under the name of a central; undefined where that is one, or not known. */
export function storesOf(central: string, seen: BoxSeen | undefined): number | undefined {
  return toldOf(central, seen)?.stores?.length;
}

function toldOf(central: string, seen: BoxSeen | undefined): DestinationStatus | undefined {
  return seen?.status.destinations?.find(({ name }) => name === central);
}

export interface BoxWatchesOptions {
  /** How far the feed of a gateway is here. */
  readonly position: (gateway: string) => Promise<number>;
  /** Told how a gateway does, and how it did when it was asked before. */
  readonly onSeen?: (status: GatewayStatus, before: GatewayStatus | undefined) => void;
  /** Told what a gateway answered that was looked at, and when it was asked, performance.now(). */
  readonly onAnswer?: (status: GatewayStatus, askedMs: number) => void;
  /** UTC, microseconds. */
  readonly now: () => number;
  readonly lookMs?: number;
  readonly arrivalMs?: number;
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
    const { now, onAnswer } = this.#options;
    const asked = now();
    const askedMs = performance.now();
    const status = await client.status();
    if (isOpen()) onAnswer?.(status, askedMs);
    await this.#keep(status, (asked + now()) / 2, isOpen);
  }

  /** @param saidAt about when it said so, UTC here */
  async #keep(status: GatewayStatus, saidAt: number, isOpen: () => boolean): Promise<void> {
    const position = await this.#options.position(status.gateway);
    if (!isOpen()) return;
    const before = this.#seen.get(status.gateway);
    this.#options.onSeen?.(status, before?.status);
    const seen = { status, at: this.#options.now(), aheadUs: status.now - saidAt, position };
    const { settled } = status.store;
    const isHere = settled !== undefined && position >= settled.position;
    const settledUntil = settled && (isHere ? settled.until : before?.settledUntil);
    this.#seen.set(status.gateway, { ...seen, settledUntil });
    if (settled !== undefined && !isHere) this.#awaitSettled(status, settled, isOpen);
  }

  /** Until it has come, or the box was asked again. */
  #awaitSettled(status: GatewayStatus, settled: SettledStatus, isOpen: () => boolean): void {
    const { gateway } = status;
    const look = async () => {
      const position = await this.#options.position(gateway);
      const seen = this.#seen.get(gateway);
      if (!isOpen() || seen?.status !== status) return;
      if (position < settled.position) this.#awaitSettled(status, settled, isOpen);
      else this.#seen.set(gateway, { ...seen, settledUntil: settled.until });
    };
    // A store that does not answer is told of by who keeps into it; the box is asked again in any case.
    setTimeout(() => void look().catch(() => {}), this.#options.arrivalMs ?? ARRIVAL_MS).unref();
  }
}
