import type { ChannelDefinition } from '../../gateway/channel.ts';
import type { StoredChannel } from '../../gateway/query/telemetry.ts';

/** Names of one request. */
const NAMES_AT_ONCE = 1024;

/** A channel by its names. */
export interface NamedChannel {
  readonly gateway: string;
  readonly name: string;
}

/** What can be asked over a line; `TelemetryClient` has it. */
export interface DefiningClient {
  listChannels(filter: { readonly gateway: string; readonly names: readonly string[] }): Promise<StoredChannel[]>;
}

/**
 * Asks who sent them for the definitions of channels whose samples came without one: what a gateway withheld, it defined at a place of its feed
 * that was passed over, so that from the day on which it may travel only samples come.
 */
export class AskedDefinitions {
  readonly #define: (gateway: string, definitions: readonly ChannelDefinition[]) => Promise<void>;
  readonly #clients = new Map<string, DefiningClient>();
  /** By who sent them. */
  readonly #lacking = new Map<string, NamedChannel[]>();

  /** @param define keeps definitions of channels of a gateway */
  constructor(define: (gateway: string, definitions: readonly ChannelDefinition[]) => Promise<void>) {
    this.#define = define;
  }

  /** These came without a definition from the gateway, or central, `peer`. */
  note(peer: string, channels: readonly NamedChannel[]): void {
    if (channels.length === 0) return;
    this.#lacking.set(peer, [...(this.#lacking.get(peer) ?? []), ...channels]);
    void this.#ask(peer);
  }

  /** A line to `peer` is open; returns what ends that. */
  attend(client: DefiningClient, peer: string): () => void {
    this.#clients.set(peer, client);
    void this.#ask(peer);
    return () => {
      if (this.#clients.get(peer) === client) this.#clients.delete(peer);
    };
  }

  async #ask(peer: string): Promise<void> {
    const [client, lacking] = [this.#clients.get(peer), this.#lacking.get(peer)];
    if (client === undefined || lacking === undefined) return;
    this.#lacking.delete(peer);
    try {
      for (const gateway of new Set(lacking.map((each) => each.gateway))) {
        const names = lacking.filter((each) => each.gateway === gateway).map(({ name }) => name);
        for (let at = 0; at < names.length; at += NAMES_AT_ONCE) {
          const told = await client.listChannels({ gateway, names: names.slice(at, at + NAMES_AT_ONCE) });
          const definitions = told.map(({ id: _, gateway: __, ...definition }) => definition);
          if (definitions.length > 0) await this.#define(gateway, definitions);
        }
      }
    } catch {
      // The next line asks again; why this one did not answer, or the store did not keep it, is told where that is met.
      this.#lacking.set(peer, [...lacking, ...(this.#lacking.get(peer) ?? [])]);
    }
  }
}
