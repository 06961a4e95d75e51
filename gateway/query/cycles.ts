import {
  type BeginRecord,
  type CycleRecord,
  cycleNameOf,
  decodeRecord,
  decodeSum,
  type EndRecord,
  summedChannelOf,
  sumsName,
} from '../analysis/cycles/cycle-channels.ts';
import type { CycleSum } from '../analysis/cycles/cycle-sums.ts';
import { NOT_SENT } from './coverage/coverage.ts';
import type { AskedTelemetry, Gap, KeptTelemetry, Samples, StoredChannel } from './telemetry.ts';

/**
 * How long before a range cycles that reach into it are looked for, microseconds. One that began earlier is found by its end; one that began
 * earlier and has none is not.
 */
export const CYCLE_LOOKBACK_US = 7 * 86_400e6;

/** Pieces of records that are read behind a range, for ends and sums of the cycles in it. */
const PIECES_BEHIND_MAX = 64;

export type CycleState = 'open' | 'complete' | 'aborted';

/** One cycle, as a gateway or a central knows it. Times UTC, microseconds. */
export interface Cycle {
  readonly gateway: string;
  /** Its kind, as the config names it: `lap`. */
  readonly name: string;
  readonly number: number;
  /** Of what has a name and no number; empty elsewhere. */
  readonly label: string;
  readonly from: number;
  /** Exclusive; undefined while it is open. */
  readonly to: number | undefined;
  readonly state: CycleState;
  /** Why it is not complete; empty where it is, or is open. */
  readonly cause: string;
  /** False where it had begun before anything was heard of it. */
  readonly isSeen: boolean;
  /** Samples of its time that came after its sums were made, also in later runs of the gateway: they are without them. */
  readonly late: number;
}

/** A cycle with what its records say beside. */
export interface RecordedCycle extends Cycle {
  /** Begin as stored. */
  readonly storedFrom: number;
  /** True where its end is on record; false where it is told by what is known around. */
  readonly hasEnd: boolean;
  /** UTC at which its sums are kept; undefined before they are. */
  readonly sumsAt: number | undefined;
}

/** Sums of a channel over a cycle. */
export interface ChannelSum extends CycleSum {
  readonly channel: string;
  readonly unit: string;
}

/** Channels with the records of cycles, of all kinds or of one. */
export function cycleChannels(channels: readonly StoredChannel[], gateway = '', name = ''): StoredChannel[] {
  return channels.filter((channel) => {
    const kind = channel.type === 'text' ? cycleNameOf(channel.name) : undefined;
    if (kind === undefined || (gateway !== '' && channel.gateway !== gateway)) return false;
    return name === '' || kind === name;
  });
}

/** Channels with the sums of one kind of cycle of a gateway. */
export function sumChannels(channels: readonly StoredChannel[], gateway: string, name: string): StoredChannel[] {
  const prefix = sumsName(name, '');
  return channels.filter(
    (channel) => channel.type === 'text' && channel.gateway === gateway && channel.name.startsWith(prefix),
  );
}

interface Told {
  begin?: { readonly time: number; readonly record: BeginRecord };
  end?: { readonly time: number; readonly record: EndRecord };
  sumsAt?: number;
  late?: number;
}

/** Makes cycles of the records of one kind, in whatever order they come. */
export class CycleReading {
  readonly #gateway: string;
  readonly #name: string;
  /** By the time of the begin as stored, which no two have in common. */
  readonly #told = new Map<number, Told>();
  #by: string | undefined;

  constructor({ gateway, name }: Pick<StoredChannel, 'gateway' | 'name'>) {
    this.#gateway = gateway;
    this.#name = cycleNameOf(name) ?? name;
  }

  /** Name of the channel that tells; undefined before there is a begin. */
  get by(): string | undefined {
    return this.#by;
  }

  add({ times, values }: Samples): void {
    for (const [i, time] of times.entries()) {
      const record = decodeRecord(String(values[i]));
      if (record === undefined) continue;
      const told = this.#told.get(record.from) ?? {};
      this.#told.set(record.from, told);
      this.#take(told, time, record);
    }
  }

  #take(told: Told, time: number, record: CycleRecord): void {
    if (record.state === 'summed') told.sumsAt = time;
    else if (record.state === 'late') told.late = Math.max(told.late ?? 0, record.late);
    else if (record.state === 'open') {
      told.begin = { time, record };
      this.#by = record.by;
    } else told.end = { time, record };
  }

  /** True where nothing more is to be found of the cycles that begin before `to`, UTC. */
  isWholeBefore(to: number): boolean {
    return [...this.#told.values()].every(
      ({ begin, end, sumsAt }) =>
        (begin !== undefined && begin.time >= to) || (end !== undefined && sumsAt !== undefined),
    );
  }

  /**
   * The cycles that touch [from, to), by their begin.
   * @param own gaps of the channel of the records
   * @param told gaps of the channel that tells: the last that is known of it tells how long a cycle lived that a stop cut off
   */
  cycles(from: number, to: number, own: readonly Gap[], told: readonly Gap[]): RecordedCycle[] {
    const all = [...this.#told].filter(([, { begin, end }]) => begin !== undefined || end !== undefined);
    return all
      .sort(([a], [b]) => a - b)
      .map((each, index) => this.#cycle(each, all[index + 1]?.[1], own, told))
      .filter((cycle) => cycle.from < to && (cycle.to ?? Number.POSITIVE_INFINITY) > from)
      .sort((a, b) => a.from - b.from);
  }

  #cycle(
    [storedFrom, { begin, end, sumsAt, late = 0 }]: readonly [number, Told],
    next: Told | undefined,
    own: readonly Gap[],
    told: readonly Gap[],
  ): RecordedCycle {
    const [gateway, name] = [this.#gateway, this.#name];
    const { number = 0, label = '', isSeen = false } = end?.record ?? begin?.record ?? {};
    const hasEnd = end !== undefined;
    const known = { gateway, name, number, label, isSeen, late, storedFrom, hasEnd, sumsAt };
    const from = beginOf({ ...(begin && { begin }), ...(end && { end }) });
    if (end !== undefined) {
      const { state, cause = '', isAfterwards } = end.record;
      const to = isAfterwards === true ? from + end.record.to - end.record.from : end.time;
      return { ...known, from, to, state, cause };
    }
    const nextFrom = next === undefined ? undefined : beginOf(next);
    const gap = own.find((each) => each.to >= from && each.from < (nextFrom ?? Number.POSITIVE_INFINITY));
    if (gap === undefined && nextFrom === undefined) return { ...known, from, to: undefined, state: 'open', cause: '' };
    const last = told.find((each) => each.cause === gap?.cause && each.boot === gap.boot && each.from >= from);
    const cut = last === undefined ? gap?.to : last.from + 1;
    const to = Math.min(cut ?? Number.POSITIVE_INFINITY, nextFrom ?? Number.POSITIVE_INFINITY);
    return { ...known, from, to, state: 'aborted', cause: gap?.cause ?? NOT_SENT };
  }
}

/** Cycles of one kind that end after `from`, UTC, of records that are not older than it. @param records the channel that has them */
export function recordedCycles(
  telemetry: Pick<KeptTelemetry, 'raw' | 'gaps'>,
  records: StoredChannel,
  channels: readonly StoredChannel[],
  from: number,
): RecordedCycle[] {
  const ever = Number.POSITIVE_INFINITY;
  const reading = new CycleReading(records);
  for (const samples of telemetry.raw(records.id, from, ever)) reading.add(samples);
  const told = channels.find((each) => each.gateway === records.gateway && each.name === reading.by);
  const gaps = (id: number | undefined) => (id === undefined ? [] : telemetry.gaps(id, from, ever));
  return reading.cycles(from, ever, gaps(records.id), gaps(told?.id));
}

/** Cycles of one kind that touch [from, to), of a store that may have to fetch them. @param records the channel that has them */
export async function askedCycles(
  telemetry: Pick<AskedTelemetry, 'raw' | 'gaps'>,
  records: StoredChannel,
  channels: readonly StoredChannel[],
  { from, to }: { readonly from: number; readonly to: number },
): Promise<RecordedCycle[]> {
  const reading = new CycleReading(records);
  for await (const samples of telemetry.raw(records.id, from - CYCLE_LOOKBACK_US, to)) reading.add(samples);
  // The end of what begins in the range, or reaches over it, and its sums.
  let pieces = 0;
  for await (const samples of telemetry.raw(records.id, to, Number.MAX_SAFE_INTEGER)) {
    reading.add(samples);
    pieces += 1;
    if (reading.isWholeBefore(to) || pieces === PIECES_BEHIND_MAX) break;
  }
  const told = channels.find((each) => each.gateway === records.gateway && each.name === reading.by);
  const gaps = async (id: number | undefined): Promise<readonly Gap[]> =>
    id === undefined ? [] : telemetry.gaps(id, from - CYCLE_LOOKBACK_US, Number.MAX_SAFE_INTEGER);
  return reading.cycles(from, to, await gaps(records.id), await gaps(told?.id));
}

function beginOf({ begin, end }: Told): number {
  if (begin !== undefined) return begin.time;
  return end === undefined ? 0 : end.time - (end.record.to - end.record.from);
}

/** Sums of a channel as they are kept, each with when: {@link RecordedCycle.sumsAt} of its cycle. */
export function sumsIn({ times, values }: Samples, { name, unit }: StoredChannel): [at: number, sum: ChannelSum][] {
  const channel = summedChannelOf(name) ?? name;
  return [...times].flatMap((at, i) => {
    const sum = decodeSum(String(values[i]));
    return sum === undefined ? [] : [[at, { channel, unit, ...sum }] as [number, ChannelSum]];
  });
}
