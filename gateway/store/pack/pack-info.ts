import { Buffer } from 'node:buffer';
import type { ChannelType, Stamp } from '../../channel.ts';
import type { ClockSource } from '../../clock.ts';

/** What a pack says of all its blocks. */
export interface PackHeader {
  /** Id of the gateway. */
  readonly gateway: string;
  /** Random id of the boot, 16 hex digits in lower case. */
  readonly boot: string;
  /** Where the times come from: what maps them to UTC. */
  readonly stamp: Stamp;
  /** Best clock known when the pack was sealed. */
  readonly clockSource: ClockSource;
  /** Bound of that clock's error, microseconds; Infinity where it is not known. Kept rounded up to a whole number. */
  readonly clockErrorUs: number;
}

/** What is known of a block without decoding its columns. Times in microseconds. */
export interface BlockInfo {
  /** Name of the channel. */
  readonly channel: string;
  readonly type: ChannelType;
  /** Sequence number of the first sample; the others follow without a hole. */
  readonly firstSequence: number;
  readonly count: number;
  readonly timeMin: number;
  readonly timeMax: number;
}

export interface BlockSamples {
  /** Whole microseconds of magnitude below 2^53, in any order. */
  readonly times: Float64Array;
  /** Text if and only if the block's type is `text`. */
  readonly values: Float64Array | readonly string[];
}

/** Samples of a block that is not text. */
export interface NumberSamples extends BlockSamples {
  readonly values: Float64Array;
  /** True where no time is before the one before it. */
  readonly ascends: boolean;
}

/** A column of times that blocks share, without its content. */
export interface TimeColumnInfo {
  readonly count: number;
  readonly timeMin: number;
  readonly timeMax: number;
}

/** Where the content of a column is said to be: its encoding, and its bytes before zstd. */
export interface ColumnEntry {
  readonly encoding: number;
  readonly contentLength: number;
}

/** A block as the directory tells it. */
export interface BlockEntry extends BlockInfo, ColumnEntry {
  /** Index of its time column. */
  readonly times: number;
}

/** The directory of a pack. */
export interface Directory {
  readonly header: PackHeader;
  readonly times: readonly (TimeColumnInfo & ColumnEntry)[];
  readonly blocks: readonly BlockEntry[];
  /** Sections in the order in which they stand; `frameLength` 0 where the content stands plain. */
  readonly sections: readonly SectionEntry[];
}

export interface SectionEntry {
  /** Columns whose contents follow each other in it. */
  readonly columns: number;
  /** Bytes of its zstd frame; 0 where the contents stand as they are. */
  readonly frameLength: number;
}

/** All that two writers of a block must agree on for it to be the same block (BLOCK-1.4). */
export function sameSamples(a: BlockSamples, b: BlockSamples): boolean {
  if (!sameBits(a.times, b.times)) return false;
  if (a.values instanceof Float64Array) return b.values instanceof Float64Array && sameBits(a.values, b.values);
  if (b.values instanceof Float64Array || a.values.length !== b.values.length) return false;
  const others = b.values;
  return a.values.every((text, i) => text === others[i]);
}

/** True where all bits are the same: -0 differs from 0, and one NaN from another. */
export function sameBits(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  return bytesOf(a).equals(bytesOf(b));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
