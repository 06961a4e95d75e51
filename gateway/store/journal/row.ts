import { CaissonError } from '../../errors.ts';
import type { LossCause } from '../../intake.ts';

/**
 * A journal row: all samples of one group commit (JOURNAL clauses of JOURNAL_FORMAT.md). It needs no other row to be read, so
 * a damaged one costs only itself.
 */

/** Bytes of a row before zstd. A commit of COMMIT_SLOTS_MAX samples stays below half of it; more is refused. */
export const JOURNAL_BODY_BYTES_MAX = 32 * 1024 * 1024;

/** Samples of one channel with contiguous sequence numbers. A row may have several groups of a channel. */
export interface JournalGroup {
  /** Id of the channel, below 2^32. */
  readonly channel: number;
  readonly firstSequence: number;
  /** Whole microseconds of magnitude below 2^53, in any order; at least one. Groups that were read may share them. */
  readonly times: Float64Array;
  readonly values: Float64Array | readonly string[];
}

/** Samples that took sequence numbers but did not make it. Times in microseconds. */
export interface JournalLoss {
  readonly channel: number;
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: LossCause;
}

export interface JournalRow {
  readonly groups: readonly JournalGroup[];
  readonly losses: readonly JournalLoss[];
}

/** JOURNAL-1.1. */
export const ROW_VERSION = 2;

/** Flags of a row (JOURNAL-1.2). */
export const COMPRESSED = 0x01;
export const WIDE_TIMES = 0x02;

/** Bits of a group's form (JOURNAL-3.2). */
export const NEXT_CHANNEL = 0x01;
export const SAME_SEQUENCE = 0x02;
export const SAME_COUNT = 0x04;
export const SAME_TIMES = 0x08;
export const KIND_SHIFT = 4;

/** How the values of a group stand (JOURNAL-3.2). */
export const SCALED_AS_BEFORE = 0;
export const SCALED = 1;
export const FLOAT32 = 2;
export const FLOAT64 = 3;
export const TEXT = 4;

/** Times that are not wide are so near to the first time of the row: differences of their differences are exact. */
export const NARROW_SPAN = 2 ** 50;

/** Integers of a scale are below this magnitude, so that their differences are exact. */
export const INTEGER_MAX = 2 ** 51;

/** Greatest id of a channel. */
export const CHANNEL_MAX = 0xffff_ffff;

/** True where sequence numbers of `count` samples from `first` on are below 2^53. */
export function isSequence(first: number, count: number): boolean {
  return Number.isSafeInteger(first) && first >= 0 && Number.isSafeInteger(first + (count - 1));
}

export function refuse(clause: string, problem: string): never {
  throw new CaissonError('journal-invalid', `JOURNAL-${clause}: ${problem}`);
}
