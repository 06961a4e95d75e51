import type { Channel } from '../channel.ts';
import type { DerivationTerms } from '../store/derivation.ts';
import type { Coverage } from './coverage/coverage.ts';

/** A channel as a store holds it; at central `gateway` tells whose it is. Names are unique within a gateway. */
export interface StoredChannel extends Channel {
  /** Id of the gateway it belongs to. */
  readonly gateway: string;
}

/** Columns of samples: `times` UTC in microseconds, ascending; `values` as long, text only for text channels. */
export interface Samples {
  readonly times: Float64Array;
  readonly values: Float64Array | readonly string[];
  /**
   * As long; 1 where a sample is late: one with a greater time, of the same channel and boot, was taken in before it. Absent
   * where none is.
   */
  readonly late?: Uint8Array | undefined;
}

/**
 * What a chart of `pixels` columns draws of [from, to): one element a column, exactly as M4 over the raw samples would
 * have it. Columns without samples have count 0 and NaN in the rest.
 */
export interface Envelope {
  /** UTC, microseconds. */
  readonly from: number;
  /** UTC, microseconds, exclusive. */
  readonly to: number;
  readonly pixels: number;
  readonly count: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
}

/** The newest sample of a channel; `time` UTC, microseconds. */
export interface LatestSample {
  readonly time: number;
  readonly value: number | string;
}

/**
 * Samples of one channel that were committed just now: elements [start, end) of the columns, valid only during the call.
 * `times` are as stored; adding `utcOffset` gives UTC, microseconds.
 */
export interface LiveBatch {
  readonly channel: number;
  readonly times: Float64Array;
  readonly values: Float64Array | readonly string[];
  readonly start: number;
  readonly end: number;
  readonly utcOffset: number;
}

/** Greatest version: the newest of every channel. */
export const NEWEST_VERSION = Number.POSITIVE_INFINITY;

/** A version of the past of one boot: samples that were made anew of what it took in. */
export interface PastVersion extends DerivationTerms {
  /** Ascending in the order they came to be known here. */
  readonly id: number;
  readonly gateway: string;
  /** Id of the boot it was made of. */
  readonly boot: string;
  /** What it stands for, of channels with that stamp, UTC. */
  readonly spans: DerivationTerms['spans'];
  /** Channels it stands for. */
  readonly channels: readonly number[];
}

/** A stretch that is missing, with its cause. Times UTC, microseconds, both inclusive. */
export interface Gap {
  readonly channel: number;
  readonly boot: string;
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

/** Account of one channel: taken in = kept + lost, always. Derived samples were not taken in, and count for themselves. */
export interface LedgerLine {
  readonly channel: number;
  /** Sequence numbers given out, over all boots. */
  readonly taken: number;
  /** Samples in blocks and in the tail, counted from what is there. */
  readonly kept: number;
  /** Samples in gaps, counted from the gaps. */
  readonly lost: number;
  /** Samples of derivations in blocks, shown or not. */
  readonly derived: number;
}

/** Sequence numbers from `first` on, `end` not included. */
export interface NumberRun {
  readonly first: number;
  readonly end: number;
}

/**
 * Numbers without samples, for one cause. `count` of them lack: fewer than there are in the run where it is the sum of several of
 * which only the bounds are known, none where nobody knows how many, as between two boots. Times UTC, microseconds, both inclusive.
 */
export interface MissingRun extends NumberRun {
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

/** Samples of one day of UTC; what was lost counts on the day on which the loss began. */
export interface AccountDay {
  /** Its first microsecond. */
  readonly day: number;
  readonly kept: number;
  readonly lost: number;
}

/** What became of the sequence numbers of one channel and boot. All that lists runs does so by ascending first number. */
export interface BootAccount {
  /** Id of the boot. */
  readonly boot: string;
  /** Id of the boot it was derived from; undefined where it was taken in. */
  readonly origin: string | undefined;
  /** One past the greatest number that is known of. */
  readonly end: number;
  /** Numbers whose samples are here. */
  readonly held: readonly NumberRun[];
  /** How many of those, the last, are in no block yet. */
  readonly unsealed: number;
  /** Numbers whose samples are not, with the cause. A number in neither has not come yet. */
  readonly missing: readonly MissingRun[];
  readonly days: readonly AccountDay[];
}

/** What can be asked of a store, the same on a gateway and at central. */
export interface Telemetry {
  /** Every known channel, by id. */
  channels(): readonly StoredChannel[];

  /**
   * The channel of that name.
   * @throws CaissonError `channel-unknown`, naming the nearest names; `query-invalid` where several gateways have it and none is given
   */
  channel(name: string, gateway?: string): StoredChannel;

  /**
   * The samples of [from, to), UTC microseconds, committed so far, in time order, in pieces of bounded size. Pieces are
   * made as they are asked for: a range of any length takes bounded memory.
   * @param version what is shown of a past that was derived anew: derivations up to it, 0 what was taken in; the newest
   *   where none is given
   */
  raw(channel: number, from: number, to: number, version?: number): IterableIterator<Samples>;

  /**
   * @param version as for {@link Telemetry.raw}
   * @throws CaissonError `query-invalid` for pixels outside 1..QUERY_PIXELS_MAX, an empty range or a text channel
   */
  envelope(channel: number, from: number, to: number, pixels: number, version?: number): Envelope;

  /** Every version of the past, oldest first. */
  versions(): readonly PastVersion[];

  /**
   * The sample with the greatest time as stored, in the newest version; undefined where there is none. What was taken in in a
   * boot that does not know UTC yet is newer than all before, though its UTC may be less.
   */
  latest(channel: number): LatestSample | undefined;

  /** Calls `listener` for every batch committed from now on, until the returned function is called. */
  follow(listener: (batch: LiveBatch) => void): () => void;

  /** Gaps of a channel that touch [from, to), UTC microseconds. */
  gaps(channel: number, from: number, to: number): readonly Gap[];

  /**
   * What there is of [from, to), UTC microseconds, of what was taken in, and why the rest is missing. What is asked for afterwards has
   * at least that, as long as nothing is given up.
   */
  coverage(channel: number, from: number, to: number): Coverage;

  /** The account of every channel that has samples or gaps. */
  ledger(): readonly LedgerLine[];

  /** What became of every sample of a channel, boot by boot. */
  accounts(channel: number): readonly BootAccount[];
}

/** What can be asked of what is kept, without following what comes. */
export type KeptTelemetry = Omit<Telemetry, 'follow'>;

/**
 * The same, where what is asked for may have to be fetched before it can be answered: `await` and `for await` serve both. Who
 * follows is told of what is new to this process.
 */
export type AskedTelemetry = Pick<Telemetry, 'follow'> & {
  readonly [Name in Exclude<keyof Telemetry, 'follow' | 'raw'>]: (
    ...asked: Parameters<Telemetry[Name]>
  ) => ReturnType<Telemetry[Name]> | Promise<ReturnType<Telemetry[Name]>>;
} & {
  raw(...asked: Parameters<Telemetry['raw']>): Iterable<Samples> | AsyncIterable<Samples>;
};
