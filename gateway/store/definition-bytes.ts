import { Buffer } from 'node:buffer';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type ChannelDefinition, defineChannel } from '../channel.ts';
import { CaissonError, messageOf } from '../errors.ts';

/**
 * A channel's definition as the database keeps it beside the name: JSON of what differs from the defaults, deflated against
 * what most definitions have in common. Where the name begins with the source, the number of its segments stands for it. A DBC
 * brings hundreds of channels, of which many send next to nothing.
 */

/** Part of the schema: other text here is another format. What is most often met stands last. */
const COMMON = Buffer.from(
  '{"description":"","labels":{"0":"","1":""},"limits":{"lowAlarm":,"lowWarn":,"highWarn":,"highAlarm":},' +
    '"rateHz":10,"rateHz":100,"residency":"local","class":"bulk","class":"critical","type":"text","type":"enum",' +
    '"unit":"bar","unit":"kPa","unit":"mm","unit":"V","unit":"A","unit":"s","unit":"rpm","unit":"°C","unit":"deg",' +
    '{"unit":"m/s","stamp":"device","source":2,"scale":{"gain":0.001,"offset":0},"decimals":3}' +
    '{"unit":"%","stamp":"device","source":1,"scale":{"gain":0.1,"offset":0},"decimals":1}' +
    '{"unit":"km/h","stamp":"device","source":1,"scale":{"gain":0.01,"offset":0},"decimals":2}' +
    '{"type":"bool","stamp":"device","source":1,"scale":{"gain":1,"offset":0},"decimals":0}' +
    '{"stamp":"device","source":1,"scale":{"gain":1,"offset":0},"decimals":0}',
);

/** Longest JSON of a definition: 1,024 labels, a long description; more is no definition. */
const JSON_BYTES_MAX = 1 << 20;

const DEFAULTS = new Map<string, unknown>(Object.entries(defineChannel({ name: 'any', source: 'any' })));

export function encodeDefinition({ name, ...definition }: ChannelDefinition): Buffer {
  const { source } = definition;
  const written = { ...definition, source: name.startsWith(`${source}/`) ? source.split('/').length : source };
  const entries = Object.entries(written).filter(([key, value]) => key === 'source' || value !== DEFAULTS.get(key));
  return deflateRawSync(JSON.stringify(Object.fromEntries(entries)), { dictionary: COMMON });
}

/** @throws CaissonError `block-invalid` where the bytes are no definition */
export function decodeDefinition(name: string, bytes: Uint8Array): ChannelDefinition {
  const { source, ...definition } = parsed(bytes);
  const path = typeof source === 'number' ? name.split('/').slice(0, source).join('/') : source;
  return { ...defineChannel({ name: 'any', source: 'any' }), ...definition, source: path, name };
}

function parsed(bytes: Uint8Array): Omit<ChannelDefinition, 'source' | 'name'> & { readonly source: string | number } {
  try {
    const json = inflateRawSync(bytes, { dictionary: COMMON, maxOutputLength: JSON_BYTES_MAX });
    return JSON.parse(json.toString());
  } catch (cause) {
    throw new CaissonError('block-invalid', `no definition of a channel: ${messageOf(cause)}`, { cause });
  }
}
