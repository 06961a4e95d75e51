import { channelPattern } from '../../gateway/channel-pattern.ts';
import type { UsageConfig } from './usage-config.ts';

/** Whose samples are: of a gateway, and of channels that fit one of the patterns. */
export interface OwnerRule {
  readonly owner: string;
  /** Empty: of any. */
  readonly gateway: string;
  /** Empty: all. */
  readonly channels: readonly string[];
}

/** The rules of a box. */
export function ownerRules({ owners = {} }: UsageConfig): OwnerRule[] {
  return Object.entries(owners).map(([owner, channels]) => ({ owner, gateway: '', channels }));
}

/** Tells whose a gateway is with all of its channels; empty: nobody's, undefined: its channels have several owners. */
export function ownerOfGateway(rules: readonly OwnerRule[]): (gateway: string) => string | undefined {
  return (name) => {
    const rule = rules.find(({ gateway }) => gateway === '' || gateway === name);
    if (rule === undefined) return '';
    return rule.channels.length === 0 ? rule.owner : undefined;
  };
}

/** Tells whose a channel is by the first rule that fits; empty where none does. */
export function ownerOf(rules: readonly OwnerRule[]): (gateway: string, channel: string) => string {
  const compiled = rules.map(({ channels, ...rule }) => ({ ...rule, fits: channels.map(channelPattern) }));
  return (gateway, channel) => {
    const rule = compiled.find((each) => {
      const isOfGateway = each.gateway === '' || each.gateway === gateway;
      return isOfGateway && (each.fits.length === 0 || each.fits.some((fits) => fits(channel)));
    });
    return rule?.owner ?? '';
  };
}
