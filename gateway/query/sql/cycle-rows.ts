import { cycleNameOf } from '../../analysis/cycles/cycle-channels.ts';
import { cycleChannels, recordedCycles, sumChannels, sumsIn } from '../cycles.ts';
import type { KeptTelemetry, StoredChannel } from '../telemetry.ts';
import { type SqlValue, whole } from './sql-value.ts';

const [FIRST, LAST] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** Every cycle of every kind. */
export function* cycleRows(telemetry: KeptTelemetry): Generator<SqlValue[]> {
  const channels = telemetry.channels();
  for (const channel of cycleChannels(channels)) {
    for (const cycle of recordedCycles(telemetry, channel, channels, FIRST)) {
      const { gateway, name, number, label, from, to, state, cause, late } = cycle;
      const ends = to === undefined ? [null, null] : [whole(to), (to - from) / 1e6];
      yield [gateway, name, number, label, whole(from), ...ends, state, cause, whole(late)];
    }
  }
}

/** Sums of every channel over every cycle. @param args a kind of cycle and a gateway, where only theirs are asked for */
export function* cycleSumRows(telemetry: KeptTelemetry, args: readonly unknown[]): Generator<SqlValue[]> {
  const [name, gateway] = args.map((each) => String(each ?? ''));
  const channels = telemetry.channels();
  for (const records of cycleChannels(channels, gateway, name)) {
    const kind = cycleNameOf(records.name) ?? '';
    const cycles = summedCycles(telemetry, records, channels);
    for (const channel of sumChannels(channels, records.gateway, kind)) {
      for (const samples of telemetry.raw(channel.id, FIRST, LAST)) {
        for (const [at, { channel: summed, unit, count, min, max, mean, first, last }] of sumsIn(samples, channel)) {
          const cycle = cycles.get(at);
          const sums = [whole(count), min, max, mean, first, last];
          if (cycle !== undefined) yield [records.gateway, kind, ...cycle, summed, unit, ...sums];
        }
      }
    }
  }
}

/** What is told of each cycle of a kind that has sums, by when those are kept. */
function summedCycles(
  telemetry: KeptTelemetry,
  records: StoredChannel,
  channels: readonly StoredChannel[],
): ReadonlyMap<number, readonly SqlValue[]> {
  return new Map(
    recordedCycles(telemetry, records, channels, FIRST).flatMap(({ sumsAt, number, label, from, to, state }) => {
      if (sumsAt === undefined || to === undefined) return [];
      return [[sumsAt, [number, label, whole(from), whole(to), state]] as const];
    }),
  );
}
