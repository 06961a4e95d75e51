import type { StoredChannel } from '../../gateway/query/telemetry.ts';

/** Which gateways and channels somebody watches at this process now. */
export class Wanted {
  readonly #gateways = new Map<
    string,
    { watchers: number; readonly channels: Map<string, { definition: StoredChannel; watchers: number }> }
  >();
  readonly #listeners = new Set<(gateway: string) => void>();

  /** Calls `listener` when what is wanted of a gateway has changed. */
  onChange(listener: (gateway: string) => void): void {
    this.#listeners.add(listener);
  }

  /** Wants the latest values of channels, or news of their gateways only, until the returned function is called. */
  want(channels: readonly StoredChannel[], what: 'values' | 'news'): () => void {
    for (const channel of channels) this.#count(channel, what, 1);
    this.#tell(channels);
    let isWanted = true;
    return () => {
      if (!isWanted) return;
      isWanted = false;
      for (const channel of channels) this.#count(channel, what, -1);
      this.#tell(channels);
    };
  }

  get gateways(): string[] {
    return [...this.#gateways.keys()];
  }

  /** Channels of a gateway whose values are wanted, by name, with their ids here. */
  channels(gateway: string): Map<string, number> {
    return new Map(this.definitions(gateway).map(({ name, id }) => [name, id]));
  }

  /** The same, as they were defined when somebody began to watch them. */
  definitions(gateway: string): StoredChannel[] {
    return [...(this.#gateways.get(gateway)?.channels.values() ?? [])].map(({ definition }) => definition);
  }

  #count(definition: StoredChannel, what: 'values' | 'news', step: 1 | -1): void {
    const { gateway, name } = definition;
    const known = this.#gateways.get(gateway) ?? { watchers: 0, channels: new Map() };
    this.#gateways.set(gateway, known);
    known.watchers += step;
    if (what === 'values') {
      const channel = known.channels.get(name) ?? { definition, watchers: 0 };
      known.channels.set(name, channel);
      channel.watchers += step;
      if (channel.watchers === 0) known.channels.delete(name);
    }
    if (known.watchers === 0) this.#gateways.delete(gateway);
  }

  #tell(channels: readonly StoredChannel[]): void {
    for (const gateway of new Set(channels.map((channel) => channel.gateway))) {
      for (const listener of this.#listeners) listener(gateway);
    }
  }
}
