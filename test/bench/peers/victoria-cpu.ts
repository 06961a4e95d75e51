import type { Columns } from '../drive.ts';
import type { Progress } from '../figure.ts';
import { type ImportBody, jsonBodies, type NamedColumns, nativeBody, remoteWriteBodies } from './victoria-bodies.ts';
import { requireVictoriaHolds, roundingText } from './victoria-check.ts';
import { VictoriaMetrics } from './victoria-metrics.ts';

/** CPU seconds that VictoriaMetrics uses for a million samples, by one of its ways in. */
export interface VictoriaCpu {
  readonly way: string;
  readonly seconds: number;
}

/** Of several measurements, the mean of each way. */
export function meanOf(measured: readonly (readonly VictoriaCpu[])[]): VictoriaCpu[] {
  const ways = new Set(measured.flat().map(({ way }) => way));
  return [...ways].map((way) => {
    const all = measured.flat().filter((each) => each.way === way);
    return { way, seconds: all.reduce((sum, { seconds }) => sum + seconds, 0) / all.length };
  });
}

/** The way that takes the least. */
export function cheapestOf(ways: readonly VictoriaCpu[]): VictoriaCpu {
  return ways.reduce((least, each) => (each.seconds < least.seconds ? each : least));
}

/**
 * Feeds the columns to a fresh VictoriaMetrics by each of its ways in, requests of half a million samples or as it exported
 * them itself, one after the other, and counts the CPU time of its process until it has flushed and is at rest. Throws
 * unless it then holds the samples.
 *
 * @param names of the series
 */
export async function measureVictoriaCpu(
  columns: readonly Columns[],
  names: readonly string[],
  progress: Progress,
): Promise<{ all: readonly VictoriaCpu[]; rounding: string }> {
  const series = columns.map((each, index): NamedColumns => ({ ...each, name: names[index] ?? '' }));
  const samples = columns.reduce((sum, { times }) => sum + times.length, 0);
  const all: VictoriaCpu[] = [];
  let native: Uint8Array = new Uint8Array(0);
  let rounding = '';
  const ways: [way: string, bodies: () => ImportBody[]][] = [
    ['JSON lines', () => jsonBodies(series)],
    ['remote write', () => remoteWriteBodies(series)],
    ['its native format', () => [nativeBody(native)]],
  ];
  for (const [way, bodies] of ways) {
    progress(`VictoriaMetrics by ${way}`);
    const ready = bodies();
    const victoria = await VictoriaMetrics.start();
    try {
      const before = victoria.cpuSeconds();
      for (const body of ready) await victoria.import(body);
      await victoria.flush();
      all.push({ way, seconds: ((victoria.cpuSeconds() - before) / samples) * 1e6 });
      if (native.length === 0) {
        rounding = roundingText(await requireVictoriaHolds(victoria, series));
        native = await victoria.native();
      }
    } finally {
      await victoria.dispose();
    }
  }
  return { all, rounding };
}
