import { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import type { Samples } from '../../../../gateway/query/telemetry.ts';
import { checkStore, type StoreReport } from '../../../../gateway/store/check/store-check.ts';

export const FOREVER = 1e15;

export function checked(dir: string): StoreReport {
  const steps = checkStore(dir);
  for (let next = steps.next(); ; next = steps.next()) if (next.done === true) return next.value;
}

/** What the check of a store finds, as sentences. */
export function findingsIn(dir: string): string[] {
  return checked(dir).findings.map(({ place, problem }) => `${place}: ${problem}`);
}

/**
 * Every sample of a store by the names of channels, as text that differs where a bit does.
 * @param prefix of the names of the channels that are meant
 */
export function samplesIn(dir: string, prefix = ''): string {
  const telemetry = StoreTelemetry.open(dir);
  try {
    const named = telemetry.channels().filter(({ name }) => name.startsWith(prefix));
    const channels = named.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return JSON.stringify(channels.map(({ id, name }) => [name, ...columnsOf(telemetry.raw(id, 0, FOREVER))]));
  } finally {
    telemetry.close();
  }
}

/** Times, values and which are late, of all runs. */
export function columnsOf(runs: Iterable<Samples>): [number[], string[], number[]] {
  const columns: [number[], string[], number[]] = [[], [], []];
  for (const { times, values, late } of runs) {
    for (const [i, time] of times.entries()) {
      columns[0].push(time);
      columns[1].push(bits(values[i]));
      columns[2].push(late?.[i] ?? 0);
    }
  }
  return columns;
}

/** JSON has neither -0 nor NaN. */
export function bits(value: number | string | undefined): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
