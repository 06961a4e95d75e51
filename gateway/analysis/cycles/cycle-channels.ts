import type { Channel, ChannelSpec } from '../../channel.ts';
import type { CycleSum } from './cycle-sums.ts';
import type { BegunCycle, EndedCycle } from './cycle-tracker.ts';

/**
 * Cycles are samples like all else: text of channels of their own, JSON. `caisson/cycles/NAME` has one record where a cycle begins, one
 * where it ends and one where its sums are; `caisson/cycles/NAME/CHANNEL` the sums of a channel, at the time of that record.
 */
const PREFIX = 'caisson/cycles/';

/** True for a channel that cycles are kept in. */
export function isCycleChannel(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The kind of cycle that a channel has the records of; undefined for any other. */
export function cycleNameOf(channel: string): string | undefined {
  const name = isCycleChannel(channel) ? channel.slice(PREFIX.length) : '/';
  return name.includes('/') ? undefined : name;
}

/** The channel whose sums another one has; undefined for one that has none. */
export function summedChannelOf(channel: string): string | undefined {
  if (!isCycleChannel(channel)) return undefined;
  const slash = channel.indexOf('/', PREFIX.length);
  return slash < 0 ? undefined : channel.slice(slash + 1);
}

/** Name of the channel with the records of a kind of cycle. */
export function recordsName(cycle: string): string {
  return `${PREFIX}${cycle}`;
}

/** Name of the channel with the sums of `channel`. */
export function sumsName(cycle: string, channel: string): string {
  return `${PREFIX}${cycle}/${channel}`;
}

/** Records go wherever the channel that tells may go, since they have its values. */
export function cycleSpec(cycle: string, { name, residency }: Pick<Channel, 'name' | 'residency'>): ChannelSpec {
  return ownSpec(recordsName(cycle), residency, `where each ${cycle} begins and ends, by ${name}`);
}

/** Sums of a channel go wherever it may go. */
export function sumsSpec(cycle: string, { name, unit, residency }: Channel): ChannelSpec {
  return { ...ownSpec(sumsName(cycle, name), residency, `sums of ${name} over each ${cycle}`), unit };
}

function ownSpec(name: string, residency: Channel['residency'], description: string): ChannelSpec {
  return { name, source: 'caisson', type: 'text', class: 'critical', residency, description };
}

/** As a begin is kept. `from` as stored; `by` the channel that tells. */
export interface BeginRecord extends BegunCycle {
  readonly state: 'open';
  readonly by: string;
}

/** As an end is kept. Times as stored. */
export interface EndRecord extends BegunCycle {
  readonly state: 'complete' | 'aborted';
  readonly to: number;
  readonly cause?: string;
  /** True where a later run of the process found that nobody had told the end: the time of the record is not that of the end. */
  readonly isAfterwards?: true;
}

/** Says of the cycle that begins at `from`, as stored, that its sums are there, at the time of the record. */
export interface SummedRecord {
  readonly state: 'summed';
  readonly from: number;
}

/** Says of such a cycle how many samples of its time came after its sums were made, so far. */
export interface LateRecord {
  readonly state: 'late';
  readonly from: number;
  readonly late: number;
}

export type CycleRecord = BeginRecord | EndRecord | SummedRecord | LateRecord;

export function encodeBegin({ number, label, from, isSeen }: BegunCycle, by: string): string {
  return encoded({ state: 'open', number, label, from, isSeen, by });
}

export function encodeEnd({ state, number, label, from, isSeen, to, cause }: EndedCycle): string {
  return encoded({ state, number, label, from, isSeen, to, ...(cause !== undefined && { cause }) });
}

/** @param to when it ended, in the time of its begin */
export function encodeEndAfterwards({ number, label, from, isSeen }: BegunCycle, to: number, cause: string): string {
  return encoded({ state: 'aborted', number, label, from, isSeen, to, cause, isAfterwards: true });
}

export function encodeSummed(from: number): string {
  return encoded({ state: 'summed', from });
}

export function encodeLate(from: number, late: number): string {
  return encoded({ state: 'late', from, late });
}

function encoded(record: CycleRecord): string {
  return JSON.stringify(record);
}

/** Undefined for what is none: whoever may publish may write a channel of that name. */
export function decodeRecord(text: string): CycleRecord | undefined {
  const { state, number, label, from, isSeen, by, to, cause, late, isAfterwards } = parsed(text) ?? {};
  if (!isNumber(from)) return undefined;
  if (state === 'summed') return { state, from };
  if (state === 'late') return isNumber(late) ? { state, from, late } : undefined;
  if (!isNumber(number) || typeof label !== 'string' || typeof isSeen !== 'boolean') return undefined;
  const begun = { number, label, from, isSeen };
  if (state === 'open') return typeof by === 'string' ? { ...begun, state, by } : undefined;
  if ((state !== 'complete' && state !== 'aborted') || !isNumber(to) || to < from) return undefined;
  const why = typeof cause === 'string' && { cause };
  return { ...begun, state, to, ...why, ...(isAfterwards === true && { isAfterwards: true }) };
}

/** Undefined for what is none. */
export function decodeSum(text: string): CycleSum | undefined {
  const { count, min, max, mean, first, last } = parsed(text) ?? {};
  const isSum =
    isNumber(count) && isNumber(min) && isNumber(max) && isNumber(mean) && isNumber(first) && isNumber(last);
  return isSum ? { count, min, max, mean, first, last } : undefined;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
