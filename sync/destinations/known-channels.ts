import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import type { DestinationScope } from './destination-policy.ts';

/** Channels as a store defines them now; `BlockReader` has it. */
export interface ChannelSource {
  channelsAfter(position: number): { readonly channels: readonly StoredChannel[]; readonly position: number };
}

/** Whether channels may go to one destination, by name, as they are defined at the moment. */
export class KnownChannels {
  readonly #source: ChannelSource;
  readonly #scope: DestinationScope;
  readonly #allowed = new Map<string, boolean>();
  #position = 0;
  #refused = 0;

  constructor(source: ChannelSource, scope: DestinationScope) {
    this.#source = source;
    this.#scope = scope;
  }

  /** Takes in what was defined since. Belongs before every decision about what was read after it was called. */
  refresh(): void {
    const { channels, position } = this.#source.channelsAfter(this.#position);
    this.#position = position;
    for (const channel of channels) {
      const key = keyOf(channel.gateway, channel.name);
      const isAllowed = this.#scope.allows(channel);
      if (this.#allowed.get(key) === false) this.#refused -= 1;
      if (!isAllowed) this.#refused += 1;
      this.#allowed.set(key, isAllowed);
    }
  }

  /** True where no channel of the store is withheld. */
  get allowsAll(): boolean {
    return this.#refused === 0;
  }

  /** True for a name that may go for that gateway, or, where none is named, for any. */
  allowsAnywhere(gateway: string, name: string): boolean {
    if (gateway !== '') return this.allows(gateway, name);
    return [...this.#allowed].some(([key, isAllowed]) => isAllowed && key.endsWith(`\n${name}`));
  }

  /** A channel that nobody defined does not leave. */
  allows(gateway: string, name: string): boolean {
    return this.#allowed.get(keyOf(gateway, name)) ?? false;
  }
}

function keyOf(gateway: string, name: string): string {
  return `${gateway}\n${name}`;
}
