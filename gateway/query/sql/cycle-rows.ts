import { CaissonError } from '../../errors.ts';
import { CycleReading, cycleChannels, sumChannels, sumsIn } from '../cycles.ts';
import type { KeptTelemetry } from '../telemetry.ts';
import type { SqlValue } from './sql-value.ts';

const [FIRST, LAST] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** Every cycle of every kind. */
export function* cycleRows(telemetry: KeptTelemetry): Generator<SqlValue[]> {
  const channels = telemetry.channels();
  for (const channel of cycleChannels(channels)) {
    const reading = new CycleReading(channel);
    for (const samples of telemetry.raw(channel.id, FIRST, LAST)) reading.add(samples);
    const told = channels.find((each) => each.gateway === channel.gateway && each.name === reading.by);
    const gaps = (id: number | undefined) => (id === undefined ? [] : telemetry.gaps(id, FIRST, LAST));
    for (const cycle of reading.cycles(FIRST, LAST, gaps(channel.id), gaps(told?.id))) {
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
    for (const channel of sumChannels(channels, owner, name)) {
      for (const samples of telemetry.raw(channel.id, FIRST, LAST)) {
        for (const [to, { channel: summed, unit, count, min, max, mean, first, last }] of sumsIn(samples, channel)) {
          yield [whole(to), summed, unit, whole(count), min, max, mean, first, last];
        }
      }
    }
  }
}

function whole(value: number): bigint {
  return BigInt(Math.round(value));
}
