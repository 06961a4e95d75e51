import { CaissonError } from '../../gateway/errors.ts';
import {
  askedCycles,
  type ChannelSum,
  type Cycle,
  cycleChannels,
  type RecordedCycle,
  sumChannels,
  sumsIn,
} from '../../gateway/query/cycles.ts';
import type { AskedTelemetry, StoredChannel } from '../../gateway/query/telemetry.ts';
import type { CycleMessage, ListCyclesRequestMessage } from './cycle-messages.ts';
import type { Outflow } from './outflow.ts';
import { CYCLE_STATES } from './wire-names.ts';

/** Channels with sums that are read before others are served. */
const CHANNELS_AT_ONCE = 64;

/** Cycles whose sums are in memory at a time. */
const SUMMED_CYCLES = 64;

/** A cycle as a client sees it. */
export interface ListedCycle extends Cycle {
  /** Empty where none were asked for, or none are there yet. */
  readonly sums: readonly ChannelSum[];
}

/**
 * Sends the cycles that touch a range, kind after kind, each kind by begin.
 * @throws CaissonError `query-invalid` for an empty range
 */
export async function answerListCycles(
  telemetry: AskedTelemetry,
  request: ListCyclesRequestMessage,
  out: Outflow<CycleMessage>,
): Promise<void> {
  const { from = -Number.MAX_SAFE_INTEGER, to = Number.MAX_SAFE_INTEGER, gateway, name } = request;
  if (!(from < to)) throw new CaissonError('query-invalid', `range [${from}, ${to}) is empty`);
  const channels = await telemetry.channels();
  for (const channel of cycleChannels(channels, gateway, name)) {
    const cycles = await askedCycles(telemetry, channel, channels, { from, to });
    for (let at = 0; at < cycles.length; at += SUMMED_CYCLES) {
      const some = cycles.slice(at, at + SUMMED_CYCLES);
      const sums = request.sums ? await sumsOf(telemetry, channels, some, out) : undefined;
      for (const cycle of some) {
        if (!(await out.send(encodeCycle({ ...cycle, sums: sums?.get(cycle.sumsAt ?? Number.NaN) ?? [] })))) return;
      }
    }
  }
}

/** Sums of cycles of one kind, by when they are kept. */
async function sumsOf(
  telemetry: AskedTelemetry,
  channels: readonly StoredChannel[],
  cycles: readonly RecordedCycle[],
  out: Outflow<CycleMessage>,
): Promise<ReadonlyMap<number, readonly ChannelSum[]>> {
  const sums = new Map<number, ChannelSum[]>();
  const times = cycles.flatMap(({ sumsAt }) => (sumsAt === undefined ? [] : [sumsAt]));
  const [first] = cycles;
  if (first === undefined || times.length === 0) return sums;
  const [least, greatest] = [Math.min(...times), Math.max(...times)];
  for (const [index, channel] of sumChannels(channels, first.gateway, first.name).entries()) {
    for await (const samples of telemetry.raw(channel.id, least, greatest + 1)) {
      for (const [at, sum] of sumsIn(samples, channel)) sums.set(at, [...(sums.get(at) ?? []), sum]);
    }
    if (index % CHANNELS_AT_ONCE === CHANNELS_AT_ONCE - 1) await out.pause(0);
  }
  return sums;
}

function encodeCycle(listed: RecordedCycle & Pick<ListedCycle, 'sums'>): CycleMessage {
  const { isSeen, to, state, storedFrom: _, hasEnd: __, sumsAt: ___, ...cycle } = listed;
  return { ...cycle, ...(to !== undefined && { to }), state: CYCLE_STATES.toWire[state], beginSeen: isSeen };
}

/** @throws CaissonError `peer-invalid` */
export function decodeCycle({ beginSeen, to, state, ...cycle }: CycleMessage): ListedCycle {
  return { ...cycle, to, state: CYCLE_STATES.fromWire(state), isSeen: beginSeen };
}
