import type { ChannelClass, ChannelDefinition, Stamp } from '../channel.ts';
import type { ClockReading, ClockSource } from '../clock.ts';
import type { StoredChannel } from '../query/telemetry.ts';
import { decodeDefinition } from './definition-bytes.ts';
import { type Derivation, type DerivationTerms, decodeSpans, type Recipe } from './derivation.ts';
import type { EnvelopeNode } from './envelope-node.ts';
import type { IndexEntry } from './index-entries.ts';
import { decodeRoster } from './roster.ts';

/** A block as the index knows it. */
export interface KeptBlock {
  readonly channel: number;
  readonly firstSequence: number;
  readonly count: number;
  /** Least and greatest stored time, microseconds. */
  readonly timeMin: number;
  readonly timeMax: number;
  /** Absent for text. */
  readonly node: EnvelopeNode | undefined;
}

/** Samples that came ahead of their turn; `runs` are first numbers and ends in turn, ascending, apart. */
export interface AheadRuns {
  readonly gateway: string;
  /** Id of the boot. */
  readonly boot: string;
  /** Name of the channel. */
  readonly channel: string;
  readonly runs: readonly number[];
}

/** A pack to be kept: its bytes, and its blocks in the order in which they stand in it. */
export interface KeptPack {
  readonly boot: number;
  readonly stamp: Stamp;
  readonly class: ChannelClass;
  readonly blocks: readonly KeptBlock[];
  readonly bytes: Uint8Array;
}

/** A run of a gateway, or a boot of samples that were derived from those of one. */
export interface KeptBoot {
  readonly id: number;
  readonly gateway: string;
  readonly boot: string;
  /** First box time, microseconds. */
  readonly started: number;
  /** Last box time; undefined where it did not end as it should, or still runs, or holds derived samples. */
  readonly ended: number | undefined;
  /** Local id of the boot that its samples derive from; undefined where they were taken in. */
  readonly origin: number | undefined;
}

/** An outline as it is kept, of a channel and boot; ids are the store's own. */
export interface KeptOutline {
  readonly channel: number;
  readonly boot: number;
  readonly stamp: Stamp;
  readonly firstSequence: number;
  /** One past the last number. */
  readonly end: number;
  /** Least and greatest stored time, microseconds. */
  readonly timeMin: number;
  readonly timeMax: number;
  /** As `encodeNodes` has them. */
  readonly nodes: Uint8Array;
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

/**
 * A block of one channel, or an envelope of its blocks, without the samples. Level 0 is a block: number `block` of the pack
 * at `firstPosition`.
 */
export interface Extent extends IndexEntry {
  readonly roster: number;
  /** Place of the channel in the roster. */
  readonly member: number;
  readonly level: number;
  readonly ordinal: number;
  /** Positions of the first and the last pack: what was taken in later has a greater one. */
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Undefined where an envelope covers several boots or stamps. */
  readonly boot: number | undefined;
  readonly stamp: Stamp;
  /** Why the samples of a block were given up, while what the index says of it stays; undefined where they are there. */
  readonly thinned: string | undefined;
}

/** One step of the log that a central follows, in the order in which it came to be. */
export type FeedItem =
  | {
      readonly kind: 'boot';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      readonly started: number;
      /** The boot that its samples derive from; absent where they were taken in. */
      readonly origin?: string;
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
  | { readonly kind: 'pack'; readonly position: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'gap';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      readonly channel: string;
      readonly gap: Omit<KeptGap, 'channel' | 'boot'>;
    }
  /** A pack whose samples were given up here: whoever has them already keeps them. */
  | {
      readonly kind: 'given-up';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      readonly gaps: readonly (Omit<KeptGap, 'channel' | 'boot'> & { readonly channel: string })[];
    }
  | {
      readonly kind: 'derivation';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      /** Names of its channels. */
      readonly channels: readonly string[];
      readonly derivation: DerivationTerms;
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

export function bootOf(row: Row): KeptBoot {
  return {
    id: Number(row.id),
    gateway: String(row.gateway),
    boot: String(row.boot),
    started: Number(row.started),
    ended: row.ended === null ? undefined : Number(row.ended),
    origin: row.origin === null ? undefined : Number(row.origin),
  };
}

/** A row of `channels`. @throws CaissonError `block-invalid` */
export function channelOfRow(row: Row): StoredChannel {
  // In this order they are all of one hidden class: see `channelOf`.
  return {
    id: Number(row.id),
    gateway: String(row.gateway),
    ...decodeDefinition(String(row.name), row.definition as Buffer),
  };
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

/** A row of `outlines`. */
export function outlineOf(row: Row): KeptOutline {
  return {
    channel: Number(row.channel),
    boot: Number(row.boot),
    stamp: String(row.stamp) as Stamp,
    firstSequence: Number(row.first_sequence),
    end: Number(row.end_sequence),
    timeMin: Number(row.time_min),
    timeMax: Number(row.time_max),
    nodes: row.nodes as Buffer,
  };
}

/** A row of `derivations` with the origin of its boot. */
export function derivationOf(row: Row): Derivation {
  return {
    boot: Number(row.boot),
    origin: Number(row.origin),
    version: Number(row.version),
    made: Number(row.made),
    spans: { arrival: decodeSpans(row.arrival as Buffer), device: decodeSpans(row.device as Buffer) },
    channels: decodeRoster(row.channels as Buffer),
    recipe: JSON.parse(String(row.recipe)) as Recipe,
  };
}
