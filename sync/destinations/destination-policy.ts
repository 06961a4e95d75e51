import { summedChannelOf } from '../../gateway/analysis/cycles/cycle-channels.ts';
import type { ChannelDefinition } from '../../gateway/channel.ts';
import { channelPattern } from '../../gateway/channel-pattern.ts';
import type { DestinationsConfig } from './destination-config.ts';

/** What of a channel decides where it goes. */
export type TravellingChannel = Pick<ChannelDefinition, 'name' | 'residency'>;

/** Why a channel does not go to a destination: where it may be, or what the config wants there. */
export const WITHHELD_BY = ['residency', 'filter'] as const;
export type WithheldBy = (typeof WITHHELD_BY)[number];

/** What goes to one destination. */
export interface DestinationScope {
  readonly name: string;
  /** Why a channel does not go there; undefined for one that does. */
  readonly withheldBy: (channel: TravellingChannel) => WithheldBy | undefined;
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
        const withheldBy = (channel: TravellingChannel): WithheldBy | undefined => {
          if (!resides(channel, region)) return 'residency';
          // Sums go where the channel goes that they are of, whatever a filter says of their own name.
          return isWanted(summedChannelOf(channel.name) ?? channel.name) ? undefined : 'filter';
        };
        return [name, { ...scopeBy(name, withheldBy), newestFirst: order === 'newest' }];
      }),
    );
  }

  /** The scope of a destination; one that no config names gets what may go anywhere. */
  scopeOf(name: string): DestinationScope {
    return (
      this.#scopes.get(name) ?? scopeBy(name, (channel) => (resides(channel, undefined) ? undefined : 'residency'))
    );
  }
}

/**
 * What of a scope may travel over a relay: the bytes are sealed, and they come to rest on its disk all the same, so a channel that may be in
 * some regions only goes over a relay in one of them only.
 */
export function overRelay(scope: DestinationScope, region: string | undefined): DestinationScope {
  return {
    ...scope,
    ...scopeBy(
      scope.name,
      (channel) => scope.withheldBy(channel) ?? (resides(channel, region) ? undefined : 'residency'),
    ),
  };
}

function scopeBy(name: string, withheldBy: DestinationScope['withheldBy']): DestinationScope {
  return { name, withheldBy, allows: (channel) => withheldBy(channel) === undefined };
}

/** True where a channel's residency lets it go to a region. */
function resides({ residency }: TravellingChannel, region: string | undefined): boolean {
  if (residency === 'any') return true;
  return residency !== 'local' && region !== undefined && residency.includes(region);
}
