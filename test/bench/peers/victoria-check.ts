import type { Columns } from '../drive.ts';
import type { NamedColumns } from './victoria-bodies.ts';
import type { VictoriaMetrics } from './victoria-metrics.ts';

/** What VictoriaMetrics made of the values it was given. */
export interface VictoriaRounding {
  readonly samples: number;
  /** Samples whose value is not the one it was given, bit by bit. */
  readonly differing: number;
  /** Greatest difference of a value over the greatest magnitude its series has. */
  readonly error: number;
}

/** Values become a 64-bit integer and a power of ten that a whole block shares: twelve digits are left at the least. */
const ERROR_MAX = 1e-11;

/**
 * Throws unless it holds exactly these samples: every time, and every value but for its own rounding. Samples of one
 * series in one millisecond may come in any order.
 */
export async function requireVictoriaHolds(
  victoria: VictoriaMetrics,
  series: readonly NamedColumns[],
): Promise<VictoriaRounding> {
  const pieces = new Map<string, { times: number[]; values: number[] }>();
  for await (const { name, timestamps, values } of victoria.series()) {
    const met = pieces.get(name) ?? { times: [], values: [] };
    pieces.set(name, met);
    for (let i = 0; i < values.length; i += 1) {
      met.times.push((timestamps[i] as number) * 1e3);
      met.values.push(values[i] as number);
    }
  }
  let samples = 0;
  let differing = 0;
  let error = 0;
  for (const { name, ...columns } of series) {
    const held = pieces.get(name);
    const found = compare(name, columns, {
      times: Float64Array.from(held?.times ?? []),
      values: Float64Array.from(held?.values ?? []),
    });
    samples += columns.times.length;
    differing += found.differing;
    error = Math.max(error, found.error);
  }
  if (!(error <= ERROR_MAX)) throw new Error(`victoria-metrics holds values that are off by ${error} of their scale`);
  return { samples, differing, error };
}

function compare(name: string, given: Columns, held: Columns): { differing: number; error: number } {
  if (held.times.length !== given.times.length) {
    throw new Error(`${name}: ${given.times.length} samples fed, victoria-metrics holds ${held.times.length}`);
  }
  const expected = ordered(given);
  const met = ordered(held);
  const scale = expected.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let differing = 0;
  let error = 0;
  for (let i = 0; i < expected.times.length; i += 1) {
    if (expected.times[i] !== met.times[i]) {
      throw new Error(`${name}: a sample at ${expected.times[i]} was fed, victoria-metrics has one at ${met.times[i]}`);
    }
    const value = expected.values[i] as number;
    const other = met.values[i] as number;
    if (Object.is(value, other)) continue;
    differing += 1;
    error = Math.max(error, Math.abs(value - other) / scale);
  }
  return { differing, error };
}

/** By time, and where times are equal by value. */
function ordered({ times, values }: Columns): Columns {
  const order = Uint32Array.from(times.keys()).sort(
    (a, b) => (times[a] as number) - (times[b] as number) || (values[a] as number) - (values[b] as number),
  );
  return {
    times: Float64Array.from(order, (row) => times[row] as number),
    values: Float64Array.from(order, (row) => values[row] as number),
  };
}

/** For people. */
export function roundingText({ samples, differing, error }: VictoriaRounding): string {
  return `${((100 * differing) / samples).toFixed(1)} % of them differ, by at most ${error.toExponential(1)} of the greatest of their series`;
}
