import type { ChannelClass } from '../../../gateway/channel.ts';
import { channelPattern } from '../../../gateway/channel-pattern.ts';
import type { CentralRetentionConfig } from './central-retention-config.ts';

/** What rules ask of a channel. */
export interface RuledChannel {
  readonly gateway: string;
  readonly name: string;
  readonly class: ChannelClass;
}

/** Whole days for which samples of a channel are kept; infinite: for ever. */
export type DaysOf = (channel: RuledChannel) => number;

/** What the rules say: the first that fits counts. */
export function retentionDays({ rules }: CentralRetentionConfig): DaysOf {
  const compiled = rules.map(({ gateways, channels, class: ofClass, days = Number.POSITIVE_INFINITY }) => ({
    ...{ gateways: gateways?.map(channelPattern), channels: channels?.map(channelPattern), ofClass, days },
  }));
  return ({ gateway, name, class: channelClass }) => {
    const rule = compiled.find(
      (each) =>
        (each.ofClass === undefined || each.ofClass === channelClass) &&
        (each.gateways?.some((fits) => fits(gateway)) ?? true) &&
        (each.channels?.some((fits) => fits(name)) ?? true),
    );
    return rule?.days ?? Number.POSITIVE_INFINITY;
  };
}

/** A pack goes whole, with what is to be kept longest in it. */
export function longestDays(daysOf: DaysOf, channels: readonly RuledChannel[]): number {
  return channels.reduce((longest, channel) => Math.max(longest, daysOf(channel)), 0);
}

const DAY_MS = 86_400_000;

/** Number of the day of UTC at `time`, milliseconds since 1970. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY_MS);
}
