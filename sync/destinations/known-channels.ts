import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import type { DestinationScope, WithheldBy } from './destination-policy.ts';

/** Channels as a store defines them now; `BlockReader` has it. */
export interface ChannelSource {
  channelsAfter(position: number): { readonly channels: readonly StoredChannel[]; readonly position: number };
}

/** Whether channels may go to one destination, by name, as they are defined at the moment. */
export class KnownChannels {
  readonly #source: ChannelSource;
  readonly #scope: DestinationScope;
  /** By gateway and name; undefined: it may go. */
  readonly #withheldBy = new Map<string, WithheldBy | undefined>();
  readonly #withheld: Record<WithheldBy, number> = { residency: 0, filter: 0 };
  #position = 0;

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
      const [before, by] = [this.#withheldBy.get(key), this.#scope.withheldBy(channel)];
      if (before !== undefined) this.#withheld[before] -= 1;
      if (by !== undefined) this.#withheld[by] += 1;
      this.#withheldBy.set(key, by);
    }
  }

  /** True where no channel of the store is withheld. */
  get allowsAll(): boolean {
    return this.#withheld.residency + this.#withheld.filter === 0;
  }

  /** How many do not go, by why. */
  get withheld(): Readonly<Record<WithheldBy, number>> {
    return { ...this.#withheld };
  }

  /** True for a name that may go for that gateway, or, where none is named, for any. */
  allowsAnywhere(gateway: string, name: string): boolean {
    if (gateway !== '') return this.allows(gateway, name);
    return [...this.#withheldBy].some(([key, by]) => by === undefined && key.endsWith(`\n${name}`));
  }

  /** A channel that nobody defined does not leave. */
  allows(gateway: string, name: string): boolean {
    const key = keyOf(gateway, name);
    return this.#withheldBy.has(key) && this.#withheldBy.get(key) === undefined;
  }
}

function keyOf(gateway: string, name: string): string {
  return `${gateway}\n${name}`;
}
