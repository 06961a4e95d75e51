import type { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';

/** Every value of a number channel that a closed store has, in order. */
export function keptValues(telemetry: StoreTelemetry, channel: string): number[] {
  const { id } = telemetry.channel(channel);
  return [...telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)].flatMap(({ values }) => [...values].map(Number));
}
