import type { Channel, ChannelSpec } from '../../channel.ts';
import type { CycleSum } from './cycle-sums.ts';
import type { AbortCause, BegunCycle, EndedCycle } from './cycle-tracker.ts';

/**
 * Cycles are samples like all else: text of channels of their own, JSON. `caisson/cycles/NAME` has one record where a cycle begins and one
 * where it ends; `caisson/cycles/NAME/CHANNEL` the sums of a channel, at the time of the end.
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

/** Name of the channel with the sums of `channel`. */
export function sumsName(cycle: string, channel: string): string {
  return `${PREFIX}${cycle}/${channel}`;
}

/** Records go wherever the channel that tells may go, since they have its values. */
export function cycleSpec(cycle: string, { name, residency }: Pick<Channel, 'name' | 'residency'>): ChannelSpec {
  return ownSpec(`${PREFIX}${cycle}`, residency, `where each ${cycle} begins and ends, by ${name}`);
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
  readonly cause?: AbortCause;
  readonly late: number;
}

export function encodeBegin({ number, label, from, isSeen }: BegunCycle, by: string): string {
  const record: BeginRecord = { state: 'open', number, label, from, isSeen, by };
  return JSON.stringify(record);
}

export function encodeEnd({ state, number, label, from, isSeen, to, cause, late }: EndedCycle): string {
  const record: EndRecord = { state, number, label, from, isSeen, to, late, ...(cause !== undefined && { cause }) };
  return JSON.stringify(record);
}

/** Undefined for what is none: whoever may publish may write a channel of that name. */
export function decodeRecord(text: string): BeginRecord | EndRecord | undefined {
  const record = parsed(text) as Partial<BeginRecord & Omit<EndRecord, 'state'>> | undefined;
  if (record === undefined) return undefined;
  const { state, number, label, from, isSeen, by, to, late } = record as Record<string, unknown>;
  const isCycle = isNumber(number) && typeof label === 'string' && isNumber(from) && typeof isSeen === 'boolean';
  if (!isCycle) return undefined;
  const begun = { number, label, from, isSeen };
  if (state === 'open') return typeof by === 'string' ? { ...begun, state, by } : undefined;
  if ((state !== 'complete' && state !== 'aborted') || !isNumber(to) || !isNumber(late) || to < from) return undefined;
  const { cause } = record;
  return { ...begun, state, to, late, ...(typeof cause === 'string' && { cause }) };
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
