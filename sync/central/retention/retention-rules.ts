import type { ChannelClass } from '../../../gateway/channel.ts';
import { channelPattern } from '../../../gateway/channel-pattern.ts';
import type { CentralRetentionConfig, RetentionRuleConfig } from './central-retention-config.ts';

/** What rules ask of a channel. */
export interface RuledChannel {
  readonly gateway: string;
  readonly name: string;
  readonly class: ChannelClass;
}

/** Whole days for which samples of a channel are kept; infinite: for ever. */
export type DaysOf = (channel: RuledChannel) => number;

/** What the rules say: the first that fits counts. */
export function retentionDays(config: CentralRetentionConfig): DaysOf {
  const ruleOf = fittingRule(config);
  return (channel) => ruleOf(channel)?.days ?? Number.POSITIVE_INFINITY;
}

/** True for a channel that a rule keeps for ever, which no limit takes: one that no rule is for is not such a one. */
export function isOnHold(config: CentralRetentionConfig): (channel: RuledChannel) => boolean {
  const ruleOf = fittingRule(config);
  return (channel) => {
    const rule = ruleOf(channel);
    return rule !== undefined && rule.days === undefined;
  };
}

function fittingRule({
  rules = [],
}: CentralRetentionConfig): (channel: RuledChannel) => RetentionRuleConfig | undefined {
  const compiled = rules.map((rule) => ({
    ...{ rule, gateways: rule.gateways?.map(channelPattern), channels: rule.channels?.map(channelPattern) },
  }));
  return ({ gateway, name, class: channelClass }) =>
    compiled.find(
      ({ rule, gateways, channels }) =>
        (rule.class === undefined || rule.class === channelClass) &&
        (gateways?.some((fits) => fits(gateway)) ?? true) &&
        (channels?.some((fits) => fits(name)) ?? true),
    )?.rule;
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
