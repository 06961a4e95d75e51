import { Buffer } from 'node:buffer';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type ChannelDefinition, defineChannel } from '../channel.ts';

/**
 * A channel's definition as the database keeps it beside the name: JSON of what differs from the defaults, deflated against
 * what most definitions have in common. A DBC brings hundreds of channels, of which many send next to nothing.
 */

/** Part of the schema: other text here is another format. What is most often met stands last. */
const COMMON = Buffer.from(
  '{"description":"","labels":{"0":"","1":""},"limits":{"lowAlarm":,"lowWarn":,"highWarn":,"highAlarm":},' +
    '"rateHz":10,"rateHz":100,"residency":"local","class":"bulk","class":"critical","unit":"km/h","unit":"rpm","unit":"°C",' +
    '"unit":"bar","unit":"kPa","unit":"mm","unit":"m/s","unit":"deg","unit":"V","unit":"A","unit":"%","unit":"s",' +
    '"type":"text","type":"enum","type":"bool","scale":{"gain":0.001,"offset":0},"scale":{"gain":0.01,"offset":0},' +
    '"scale":{"gain":0.1,"offset":0},"scale":{"gain":1,"offset":0},"decimals":3},"decimals":2},"decimals":1},"decimals":0}' +
    '{"stamp":"device","source":"',
);

/** Longest JSON of a definition: 1,024 labels, a long description; more is no definition. */
const JSON_BYTES_MAX = 1 << 20;

const DEFAULTS = new Map<string, unknown>(Object.entries(defineChannel({ name: 'any', source: 'any' })));

export function encodeDefinition({ name: _, ...definition }: ChannelDefinition): Buffer {
  const entries = Object.entries(definition).filter(([key, value]) => key === 'source' || value !== DEFAULTS.get(key));
  return deflateRawSync(JSON.stringify(Object.fromEntries(entries)), { dictionary: COMMON });
}

/** @throws Error where the bytes are no definition */
export function decodeDefinition(name: string, bytes: Uint8Array): ChannelDefinition {
  const json = inflateRawSync(bytes, { dictionary: COMMON, maxOutputLength: JSON_BYTES_MAX });
  return { ...defineChannel({ name: 'any', source: 'any' }), ...JSON.parse(json.toString()), name };
}
