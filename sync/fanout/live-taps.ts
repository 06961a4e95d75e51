import { messageOf } from '../../gateway/errors.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import type { ChannelFilter } from '../api/client.ts';
import { sleep } from '../line/sleep.ts';
import type { LiveValue } from './live-update.ts';

/** Updates a second that are asked of a gateway. */
const RATE_MAX = 10;

/** How long a change of what is wanted may gather before a tap is set anew, milliseconds. */
const SETTLE_MS = 100;

/** Wait after a failure, milliseconds. */
const RETRY_MS = 5_000;

/** What can be asked over a line; `TelemetryClient` has it. */
export interface TappedClient {
  listChannels(filter: ChannelFilter): Promise<readonly { readonly name: string }[]>;
  subscribe(
    request: { readonly channels: readonly string[]; readonly gateway: string; readonly rateMax: number },
    signal: AbortSignal,
  ): AsyncIterable<readonly LiveValue[]>;
}

export interface LiveTapsParts {
  /** Names of the channels of a gateway that somebody watches now, here or at another process. */
  readonly wanted: (gateway: string) => readonly string[];
  /** Takes values as they come; `channels` is what they count in. */
  readonly take: (gateway: string, channels: readonly string[], values: readonly LiveValue[]) => void;
  readonly onProblem: (text: string) => void;
}

/**
 * Takes the latest values of what somebody watches from the gateways that have a line here, beside their blocks: a block comes when it is
 * sealed, which may be a minute later. What nobody watches costs no line a byte.
 */
export class LiveTaps {
  readonly #parts: LiveTapsParts;
  /** Open lines by gateway: each says that what is wanted has changed. */
  readonly #taps = new Map<string, Set<() => void>>();

  constructor(parts: LiveTapsParts) {
    this.#parts = parts;
  }

  /** To be called when what is wanted of a gateway may have changed. */
  changed(gateway: string): void {
    for (const change of this.#taps.get(gateway) ?? []) change();
  }

  /** True where a gateway has a line here. */
  has(gateway: string): boolean {
    return this.#taps.has(gateway);
  }

  /** Taps a line for as long as it is open; returns what ends that. */
  attend(client: TappedClient, { role, gateway }: Pick<GatewayStatus, 'role' | 'gateway'>): () => void {
    if (role !== 'gateway') return () => {};
    const closing = new AbortController();
    let changing = new AbortController();
    let tapped: readonly string[] = [];
    const change = () => {
      if (this.#hasChanged(gateway, tapped)) changing.abort();
    };
    const own = this.#taps.get(gateway) ?? new Set();
    this.#taps.set(gateway, own.add(change));
    const run = async () => {
      while (!closing.signal.aborted) {
        changing = new AbortController();
        const ends = AbortSignal.any([closing.signal, changing.signal]);
        tapped = this.#parts.wanted(gateway);
        if (tapped.length === 0) await untilAborted(ends);
        else await this.#tap(client, gateway, tapped, ends);
        await sleep(SETTLE_MS, closing.signal);
      }
    };
    void run();
    return () => {
      closing.abort();
      own.delete(change);
      if (own.size === 0) this.#taps.delete(gateway);
    };
  }

  /** Until what is wanted has become another or the line is closed. */
  async #tap(client: TappedClient, gateway: string, wanted: readonly string[], ends: AbortSignal): Promise<void> {
    try {
      // Of what a gateway does not know any more, or does not let go, there is nothing to be had.
      const known = await client.listChannels({ gateway, names: wanted });
      const channels = known.map(({ name }) => name);
      if (ends.aborted) return;
      if (channels.length === 0) return await sleep(RETRY_MS, ends);
      for await (const values of client.subscribe({ channels, gateway, rateMax: RATE_MAX }, ends)) {
        this.#parts.take(gateway, channels, values);
        if (this.#hasChanged(gateway, wanted)) return;
      }
    } catch (error) {
      if (ends.aborted) return;
      this.#parts.onProblem(`${gateway} gives no live values: ${messageOf(error)}`);
      await sleep(RETRY_MS, ends);
    }
  }

  #hasChanged(gateway: string, before: readonly string[]): boolean {
    const now = new Set(this.#parts.wanted(gateway));
    return now.size !== before.length || before.some((name) => !now.has(name));
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
