import { CaissonError } from '../../errors.ts';
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

/**
 * Sums of every channel over every cycle of the kind that the first argument names.
 * @throws CaissonError `query-invalid`
 */
export function* cycleSumRows(telemetry: KeptTelemetry, args: readonly unknown[]): Generator<SqlValue[]> {
  const [name, gateway] = args;
  if (typeof name !== 'string') {
    throw new CaissonError('query-invalid', 'cycle_sums needs a kind of cycle', { hint: "such as cycle_sums('lap')" });
  }
  const channels = telemetry.channels();
  const owners = typeof gateway === 'string' ? [gateway] : new Set(channels.map((channel) => channel.gateway));
  for (const owner of owners) {
    const cycles = summedCycles(telemetry, channels, owner, name);
    for (const channel of sumChannels(channels, owner, name)) {
      for (const samples of telemetry.raw(channel.id, FIRST, LAST)) {
        for (const [at, { channel: summed, unit, count, min, max, mean, first, last }] of sumsIn(samples, channel)) {
          const cycle = cycles.get(at);
          if (cycle !== undefined) yield [...cycle, summed, unit, whole(count), min, max, mean, first, last];
        }
      }
    }
  }
}

/** What is told of each cycle of a kind that has sums, by when those are kept. */
function summedCycles(
  telemetry: KeptTelemetry,
  channels: readonly StoredChannel[],
  owner: string,
  kind: string,
): ReadonlyMap<number, readonly SqlValue[]> {
  const records = cycleChannels(channels, owner, kind);
  const cycles = records.flatMap((each) => recordedCycles(telemetry, each, channels, FIRST));
  return new Map(
    cycles.flatMap(({ sumsAt, number, label, from, to, state }) => {
      if (sumsAt === undefined || to === undefined) return [];
      return [[sumsAt, [number, label, whole(from), whole(to), state]] as const];
    }),
  );
}
