import type { ChannelDefinition, Stamp } from '../channel.ts';
import type { ClockReading, ClockSource } from '../clock.ts';
import { decodeNodeValues, type EnvelopeNode } from './envelope-node.ts';

/** A block as the database keeps it: identity, extent, and the bytes that travel. */
export interface KeptBlock {
  readonly channel: number;
  readonly boot: number;
  readonly firstSequence: number;
  readonly count: number;
  /** Least and greatest stored time, microseconds. */
  readonly timeMin: number;
  readonly timeMax: number;
  /** Where the times come from: what maps them to UTC. */
  readonly stamp: Stamp;
  /** Absent for text. */
  readonly node: EnvelopeNode | undefined;
  readonly bytes: Uint8Array;
}

/** Missing samples, with sequence numbers of their own. Times as stored, microseconds, both inclusive. */
export interface KeptGap {
  readonly channel: number;
  readonly boot: number;
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

/** Where a block or an envelope of blocks lies, without its bytes. Level 0 is a block, then `position` reads it. */
export interface Extent {
  readonly level: number;
  readonly ordinal: number;
  readonly position: number;
  /** Undefined where an envelope covers several boots or stamps. */
  readonly boot: number | undefined;
  readonly stamp: Stamp;
  readonly count: number;
  readonly timeMin: number;
  readonly timeMax: number;
  readonly node: EnvelopeNode | undefined;
}

/** One step of the log that a central follows, in the order in which it came to be. */
export type FeedItem =
  | {
      readonly kind: 'boot';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      readonly started: number;
    }
  | {
      readonly kind: 'channel';
      readonly position: number;
      readonly gateway: string;
      readonly definition: ChannelDefinition;
    }
  | {
      readonly kind: 'clock';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      readonly reading: ClockReading;
    }
  | { readonly kind: 'block'; readonly position: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'gap';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      readonly channel: string;
      readonly gap: Omit<KeptGap, 'channel' | 'boot'>;
    };

/** Sequence numbers that are accounted for, by a block or by a gap. Times as stored, microseconds, both inclusive. */
export interface SequenceRun {
  readonly kind: 'block' | 'gap';
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  /** Of a gap; empty for a block. */
  readonly cause: string;
}

/** A row as SQLite gives it. */
export interface Row {
  readonly [column: string]: number | string | Buffer | null;
}

export function readingOf(row: Row): ClockReading {
  return {
    time: Number(row.time),
    offset: Number(row.offset),
    error: Number(row.error),
    source: String(row.source) as ClockSource,
  };
}

export function gapOf(row: Row): KeptGap {
  return {
    channel: Number(row.channel),
    boot: Number(row.boot),
    firstSequence: Number(row.first_sequence),
    count: Number(row.count),
    from: Number(row.time_from),
    to: Number(row.time_to),
    cause: String(row.cause),
  };
}

export function extentOf(row: Row, level: number): Extent {
  const count = Number(row.count);
  const timeMin = Number(row.time_min);
  const timeMax = Number(row.time_max);
  return {
    level,
    ordinal: Number(row.ordinal),
    position: Number(row.position),
    boot: row.boot === null ? undefined : Number(row.boot),
    stamp: String(row.stamp) as Stamp,
    count,
    timeMin,
    timeMax,
    node: row.node instanceof Uint8Array ? { count, timeMin, timeMax, ...decodeNodeValues(row.node) } : undefined,
  };
}
