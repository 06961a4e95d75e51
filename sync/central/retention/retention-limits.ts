import type { ChannelClass } from '../../../gateway/channel.ts';
import { channelPattern } from '../../../gateway/channel-pattern.ts';
import { bytesText } from '../../../gateway/quantity-text.ts';
import type { CentralRetentionConfig, RetentionLimitConfig } from './central-retention-config.ts';
import { type DaysOf, isOnHold, longestDays, type RuledChannel, retentionDays } from './retention-rules.ts';
import type { HeldBytes, RetiringStore } from './retiring-store.ts';

/** Whole days for which no limit takes what came, as for the shortest rule: whoever follows has been told of it. */
const DAYS_MIN = 1;

/** Classes in the order in which limits take them. Bulk and standard go alike, so that both reach equally far back, as at a gateway. */
const BY_WORTH: readonly (readonly ChannelClass[])[] = [['bulk', 'standard'], ['critical']];

/** A limit that cannot be kept: what is left is on hold, or too young. */
export interface UnmetLimit {
  readonly limit: RetentionLimitConfig;
  /** Beyond it. */
  readonly bytes: number;
}

/** Days for which samples may be kept, so that limits are kept as well. */
export interface LimitedDays {
  readonly daysOf: DaysOf;
  readonly unmet: readonly UnmetLimit[];
}

/** What is asked of a store. */
export interface LimitedStore extends Pick<RetiringStore, 'held'> {
  /** Bytes of the packs that have their samples, by gateway. */
  gatewayBytes(): Promise<ReadonlyMap<string, number>>;
}

/**
 * What limits leave of the days of the rules; undefined where they take nothing, which the sums of the store tell.
 * @param today number of the day of UTC
 * @param between awaited while the store is read, which is long where there is much
 */
export async function limitedDays(
  store: LimitedStore,
  config: CentralRetentionConfig,
  today: number,
  between: () => Promise<unknown> = async () => {},
): Promise<LimitedDays | undefined> {
  const stored = await store.gatewayBytes();
  if (!(config.limits ?? []).some((limit) => storedOf(stored, limit) > bytesOf(limit))) return undefined;
  const held: HeldBytes[] = [];
  for await (const some of store.held(today)) {
    held.push(...some);
    await between();
  }
  return withinLimits(held, stored, config, today);
}

/** As {@link limitedDays}, of what a store has: whole days, the oldest first. Pure. */
export function withinLimits(
  held: readonly HeldBytes[],
  stored: ReadonlyMap<string, number>,
  config: CentralRetentionConfig,
  today: number,
): LimitedDays {
  const onHold = isOnHold(config);
  const unmet: UnmetLimit[] = [];
  let daysOf = retentionDays(config);
  for (const limit of config.limits ?? []) {
    const fits = fitting(limit);
    const own = held.filter(({ channels }) => channels.some(({ gateway }) => fits(gateway)));
    const stays = own.filter(({ channels, day }) => day >= today - longestDays(daysOf, channels));
    const going = sumOf(own) - sumOf(stays);
    let over = storedOf(stored, limit) - going - bytesOf(limit);
    const days = new Map<ChannelClass, number>();
    for (const classes of BY_WORTH) {
      const takes = stays.filter(
        ({ channels, day }) =>
          day < today - DAYS_MIN && classes.includes(worthOf(channels)) && !channels.some((channel) => onHold(channel)),
      );
      for (const [day, bytes] of byDay(takes)) {
        if (over <= 0) break;
        over -= bytes;
        for (const each of classes) days.set(each, today - day - 1);
      }
    }
    // Of channels that share a pack and are of several classes now, the most precious one counts.
    for (const each of ['bulk', 'standard'] as const) {
      const critical = days.get('critical');
      if (critical !== undefined && !days.has(each)) days.set(each, critical);
    }
    if (over > 0) unmet.push({ limit, bytes: over });
    const before = daysOf;
    daysOf = (channel) => {
      const most = fits(channel.gateway) && !onHold(channel) ? days.get(channel.class) : undefined;
      return Math.min(before(channel), most ?? Number.POSITIVE_INFINITY);
    };
  }
  return { daysOf, unmet };
}

/** What a limit is called. */
export function unmetName({ gateways, maxGigabytes }: RetentionLimitConfig): string {
  return `${maxGigabytes} GB${gateways === undefined ? '' : ` of ${gateways.join(', ')}`}`;
}

/** For people. */
export function unmetText({ limit, bytes }: UnmetLimit): string {
  return `the limit of ${unmetName(limit)} is passed by ${bytesText(bytes)}: all that is left is on hold, or came today or yesterday`;
}

/** A pack is as precious as the most precious of its channels. */
function worthOf(channels: readonly RuledChannel[]): ChannelClass {
  const classes = new Set(channels.map((channel) => channel.class));
  return (['critical', 'standard'] as const).find((each) => classes.has(each)) ?? 'bulk';
}

/** Oldest first. */
function byDay(held: readonly HeldBytes[]): [number, number][] {
  const sums = new Map<number, number>();
  for (const { day, bytes } of held) sums.set(day, (sums.get(day) ?? 0) + bytes);
  return [...sums].sort(([a], [b]) => a - b);
}

function sumOf(held: readonly HeldBytes[]): number {
  return held.reduce((sum, { bytes }) => sum + bytes, 0);
}

function storedOf(stored: ReadonlyMap<string, number>, limit: RetentionLimitConfig): number {
  const fits = fitting(limit);
  return [...stored].reduce((sum, [gateway, bytes]) => sum + (fits(gateway) ? bytes : 0), 0);
}

function bytesOf({ maxGigabytes }: RetentionLimitConfig): number {
  return maxGigabytes * 1e9;
}

function fitting({ gateways }: RetentionLimitConfig): (gateway: string) => boolean {
  const patterns = gateways?.map(channelPattern);
  return (gateway) => patterns?.some((fits) => fits(gateway)) ?? true;
}
