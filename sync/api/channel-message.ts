import type { ChannelDefinition, ChannelLimits } from '../../gateway/channel.ts';
import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import type { ChannelDefinitionMessage, ChannelMessage, LimitsMessage, ResidencyName } from './messages.ts';
import { CHANNEL_CLASSES, CHANNEL_TYPES, present, STAMPS } from './wire-names.ts';

export function encodeChannel(channel: StoredChannel): ChannelMessage {
  return { id: channel.id, gateway: channel.gateway, definition: encodeDefinition(channel) };
}

/** @throws CaissonError `peer-invalid` */
export function decodeChannel(message: ChannelMessage): StoredChannel {
  const definition = decodeDefinition(present(message.definition, 'definition of a channel'));
  return { ...definition, id: message.id, gateway: message.gateway };
}

export function encodeDefinition(channel: ChannelDefinition): ChannelDefinitionMessage {
  const { residency } = channel;
  return {
    name: channel.name,
    unit: channel.unit,
    type: CHANNEL_TYPES.toWire[channel.type],
    class: CHANNEL_CLASSES.toWire[channel.class],
    residency: residencyName(residency),
    regions: typeof residency === 'string' ? [] : residency,
    stamp: STAMPS.toWire[channel.stamp],
    source: channel.source,
    ...(channel.description === undefined ? {} : { description: channel.description }),
    ...(channel.rateHz === undefined ? {} : { rateHz: channel.rateHz }),
    ...(channel.scale === undefined ? {} : { scale: channel.scale }),
    ...(channel.decimals === undefined ? {} : { decimals: channel.decimals }),
    ...(channel.limits === undefined ? {} : { limits: channel.limits }),
    ...(channel.labels === undefined ? {} : { labels: { byValue: channel.labels } }),
  };
}

/** Every key a definition can have, so that one added to the contract cannot be forgotten here: the compiler asks for it. */
type Complete<Definition> = { [Key in keyof Required<Definition>]: Definition[Key] | undefined };

/**
 * Keys come in one order, so that equal definitions are equal as JSON.
 * @throws CaissonError `peer-invalid`
 */
export function decodeDefinition(message: ChannelDefinitionMessage): ChannelDefinition {
  const definition: Complete<ChannelDefinition> = {
    name: message.name,
    unit: message.unit,
    type: CHANNEL_TYPES.fromWire(message.type),
    class: CHANNEL_CLASSES.fromWire(message.class),
    residency: decodeResidency(message),
    stamp: STAMPS.fromWire(message.stamp),
    source: message.source,
    description: message.description,
    rateHz: message.rateHz,
    scale: message.scale === undefined ? undefined : { gain: message.scale.gain, offset: message.scale.offset },
    decimals: message.decimals,
    limits: message.limits === undefined ? undefined : decodeLimits(message.limits),
    labels: message.labels === undefined ? undefined : { ...message.labels.byValue },
  };
  return withoutUndefined(definition) as unknown as ChannelDefinition;
}

function decodeLimits(message: LimitsMessage): ChannelLimits {
  const limits: Complete<ChannelLimits> = {
    lowAlarm: message.lowAlarm,
    lowWarn: message.lowWarn,
    highWarn: message.highWarn,
    highAlarm: message.highAlarm,
  };
  return withoutUndefined(limits) as ChannelLimits;
}

function residencyName(residency: ChannelDefinition['residency']): ResidencyName {
  if (residency === 'any') return 'RESIDENCY_ANY';
  return residency === 'local' ? 'RESIDENCY_LOCAL' : 'RESIDENCY_REGIONS';
}

function decodeResidency({ residency, regions }: ChannelDefinitionMessage): ChannelDefinition['residency'] {
  // What cannot be understood must not travel further than it was meant to.
  if (residency === 'RESIDENCY_ANY') return 'any';
  return residency === 'RESIDENCY_REGIONS' ? [...regions] : 'local';
}

function withoutUndefined<Value extends object>(value: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<Value>;
}
