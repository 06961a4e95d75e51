import { summedChannelOf } from '../../gateway/analysis/cycles/cycle-channels.ts';
import type { ChannelDefinition } from '../../gateway/channel.ts';
import { channelPattern } from '../../gateway/channel-pattern.ts';
import type { DestinationsConfig } from './destination-config.ts';

/** What of a channel decides where it goes. */
export type TravellingChannel = Pick<ChannelDefinition, 'name' | 'residency'>;

/** What goes to one destination. */
export interface DestinationScope {
  readonly name: string;
  /** True for a channel whose name and samples may leave for there. */
  readonly allows: (channel: TravellingChannel) => boolean;
  /** True: of a backlog the newest samples come first. */
  readonly newestFirst?: boolean;
}

/** Says what goes where: residency of the channel first, then the filter of the destination. */
export class DestinationPolicy {
  readonly #scopes: ReadonlyMap<string, DestinationScope>;

  constructor(destinations: DestinationsConfig) {
    this.#scopes = new Map(
      Object.entries(destinations).map(([name, { region, order, only, except = [] }]) => {
        const [wanted, unwanted] = [only?.map(channelPattern), except.map(channelPattern)];
        const isWanted = (name: string) =>
          (wanted === undefined || wanted.some((means) => means(name))) && !unwanted.some((means) => means(name));
        const allows = (channel: TravellingChannel) => {
          if (!resides(channel, region)) return false;
          // Sums go where the channel goes that they are of, whatever a filter says of their own name.
          return isWanted(summedChannelOf(channel.name) ?? channel.name);
        };
        return [name, { name, allows, newestFirst: order === 'newest' }];
      }),
    );
  }

  /** The scope of a destination; one that no config names gets what may go anywhere. */
  scopeOf(name: string): DestinationScope {
    return this.#scopes.get(name) ?? { name, allows: (channel) => resides(channel, undefined) };
  }
}

/**
 * What of a scope may travel over a relay: the bytes are sealed, and they come to rest on its disk all the same, so a channel that may be in
 * some regions only goes over a relay in one of them only.
 */
export function overRelay(scope: DestinationScope, region: string | undefined): DestinationScope {
  return { ...scope, allows: (channel) => scope.allows(channel) && resides(channel, region) };
}

/** True where a channel's residency lets it go to a region. */
function resides({ residency }: TravellingChannel, region: string | undefined): boolean {
  if (residency === 'any') return true;
  return residency !== 'local' && region !== undefined && residency.includes(region);
}
