import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { CHANNEL_NAME_BYTES_MAX } from './limits.ts';

/** `number` any float64; `bool` 0 or 1; `enum` a number with labels; `text` UTF-8, kept beside the numbers. */
export type ChannelType = 'number' | 'bool' | 'enum' | 'text';

/** How precious a channel is: what is given up first when disk or link run short is `bulk`, `critical` never. */
export type ChannelClass = 'critical' | 'standard' | 'bulk';

/** Where a sample's time comes from: the moment it arrived, in box time, or the device's own UTC stamp. */
export type Stamp = 'arrival' | 'device';

/** One measured quantity, as its source describes it. */
export interface ChannelDefinition {
  /** Path of source and signal, segments joined by `/`: `car7/engine/rpm`. */
  readonly name: string;
  /** Unit as the source spells it; empty where there is none. */
  readonly unit: string;
  readonly type: ChannelType;
  readonly class: ChannelClass;
  /** `any`, `local`, or regions the samples may go to. */
  readonly residency: 'any' | 'local' | readonly string[];
  readonly stamp: Stamp;
  /** Name of the configured source it comes from. */
  readonly source: string;
  readonly description?: string;
  /** Samples a second the source is expected to give. */
  readonly rateHz?: number;
  /** value = integer * gain + offset, where the source knows it (DBC). */
  readonly scale?: { readonly gain: number; readonly offset: number };
  /** Digits behind the point that mean something. */
  readonly decimals?: number;
  readonly limits?: ChannelLimits;
  /** Labels of an enum by value. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ChannelLimits {
  readonly lowAlarm?: number;
  readonly lowWarn?: number;
  readonly highWarn?: number;
  readonly highAlarm?: number;
}

/** A channel that the gateway knows; `id` is dense, from 1, and means the same for as long as the store lives. */
export interface Channel extends ChannelDefinition {
  readonly id: number;
}

/**
 * The channel of that id and definition. The id comes first: behind the spread V8 would make a hidden class of its own for each
 * channel, and what reads channels a sample would be slow.
 */
export function channelOf(id: number, definition: ChannelDefinition): Channel {
  return { id, ...definition };
}

/** What a source must say of a channel; the rest has the defaults of {@link defineChannel}. */
export type ChannelSpec = Pick<ChannelDefinition, 'name' | 'source'> & Partial<ChannelDefinition>;

/**
 * A full definition from what the source said. The name is brought to its normal form: no empty segments, no control
 * characters, white space as `_`, at most {@link CHANNEL_NAME_BYTES_MAX} bytes.
 */
export function defineChannel(spec: ChannelSpec): ChannelDefinition {
  return {
    unit: '',
    type: 'number',
    class: 'standard',
    residency: 'any',
    stamp: 'arrival',
    ...spec,
    name: normalName(spec.name),
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed here
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Brings a name to its normal form; a name of which nothing is left becomes `unnamed`. */
export function normalName(name: string): string {
  const bytes = Buffer.from(joinedSegments(name));
  if (bytes.length === 0) return 'unnamed';
  return bytes.length <= CHANNEL_NAME_BYTES_MAX ? bytes.toString() : cutName(bytes);
}

function joinedSegments(name: string): string {
  return name
    .replace(/\s+/g, '_')
    .replace(CONTROL, '')
    .split('/')
    .filter((segment) => segment !== '')
    .join('/');
}

/** A name that is too long, cut between two characters; its checksum keeps it apart from others that begin alike. */
function cutName(bytes: Buffer): string {
  const mark = `~${crc32(bytes).toString(16).padStart(8, '0')}`;
  let end = CHANNEL_NAME_BYTES_MAX - mark.length;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString() + mark;
}
