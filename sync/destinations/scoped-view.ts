import type { Telemetry } from '../../gateway/query/telemetry.ts';
import type { ConfigStatus, GatewayStatus, RelayStatus, SettledStatus } from '../../gateway/status.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { FeedSource } from '../api/pull-call.ts';
import type { DestinationPolicy } from './destination-policy.ts';
import type { ChannelSource } from './known-channels.ts';
import type { PassedOverBook } from './passed-over-book.ts';
import { ScopedFeed } from './scoped-feed.ts';
import { ScopedTelemetry } from './scoped-telemetry.ts';

/** A feed with the definitions of its channels; `BlockReader` has it. */
export type DefinedFeed = FeedSource & ChannelSource;

/** A store as one caller may see it. */
export interface ScopedView {
  readonly telemetry: Telemetry;
  readonly status: (whole: GatewayStatus) => GatewayStatus;
}

/** The view of a destination; without a name the whole store. */
export function viewFor(
  policy: DestinationPolicy | undefined,
  telemetry: Telemetry,
  name: string | undefined,
  passedOver?: PassedOverBook,
): ScopedView {
  if (policy === undefined || name === undefined) return { telemetry, status: (whole) => whole };
  const scope = policy.scopeOf(name);
  return {
    telemetry: new ScopedTelemetry(telemetry, scope),
    status: (whole) => {
      const getsAll = () => telemetry.channels().every(scope.allows);
      return scopedStatus(whole, name, (said) => {
        return passedOver === undefined ? (getsAll() ? said : undefined) : passedOver.settled(name, said);
      });
    },
  };
}

/**
 * The feed for one pull, and what is asked of every item as it is handed to the socket. Who pulls is a destination even where it does not
 * say its name.
 */
export function feedFor(
  policy: DestinationPolicy | undefined,
  feed: DefinedFeed | FeedSource,
  name = '',
  passedOver?: PassedOverBook,
): { readonly feed: FeedSource; readonly guard: (item: FeedItem) => void; readonly newestFirst: boolean } {
  if (policy === undefined || !('channelsAfter' in feed)) return { feed, guard: () => {}, newestFirst: false };
  const scope = policy.scopeOf(name);
  const scoped = new ScopedFeed(feed, scope, {
    chosen: (after) => passedOver?.note(name, after),
    passed: (after, upTo) => passedOver?.pass(name, after, upTo),
  });
  return { feed: scoped, guard: (item) => scoped.requireAllowed(item), newestFirst: scope.newestFirst === true };
}

/**
 * Names of channels stand in texts, and among those that are silent. Other centrals are nobody's business.
 * @param settledFor what of how far all has come is told
 */
export function scopedStatus(
  whole: GatewayStatus,
  name: string,
  settledFor: (said: SettledStatus) => SettledStatus | undefined,
): GatewayStatus {
  const { destinations = [], lines, sources, config, relay, handovers = [], store, ...rest } = whole;
  const { settled: said, ...others } = store;
  const settled = said && settledFor(said);
  const own = handovers.filter(({ central }) => central === name);
  return {
    ...rest,
    store: { ...others, ...(settled && { settled }) },
    ...(config && { config: ownTrials(config, name) }),
    problems: [],
    destinations: destinations.filter((each) => each.name === name),
    ...(own.length > 0 && { handovers: own }),
    ...(relay !== undefined && { relay: relayFor(relay, name) }),
    ...(lines !== undefined && { lines: lines.filter(({ gateway }) => gateway === name) }),
    sources: sources.map(({ problem: _, errorPlaces: __, stale, ...source }) => {
      return { ...source, ...(stale !== undefined && { stale: { count: stale.count, channels: [] } }) };
    }),
  };
}

function relayFor({ destinations, ...relay }: RelayStatus, name: string): RelayStatus {
  return { ...relay, problem: '', destinations: destinations.filter(({ central }) => central === name) };
}

function ownTrials({ digest, trial, last }: ConfigStatus, name: string): ConfigStatus {
  return { digest, ...(trial?.by === name && { trial }), ...(last?.by === name && { last }) };
}
