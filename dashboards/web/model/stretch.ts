import type { WireChannel } from '../../wire.ts';
import { isObject, listOf, numberOf, textOf } from './json-fields.ts';
import { Series } from './series.ts';

/** A stretch of the past that charts show, such as a lap; UTC, seconds. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly title: string;
}

/**
 * What charts draw of a stretch, by channel id.
 * @param columns of a chart
 * @throws where the server does not answer
 */
export async function seriesOver(
  charts: readonly WireChannel[],
  { from, to }: Stretch,
  columns: number,
): Promise<Map<number, Series>> {
  const range = { from: Math.round(from * 1e6), to: Math.round(to * 1e6) };
  const all = charts.map(async ({ id, name, gateway }): Promise<[number, Series]> => {
    const params = new URLSearchParams({ channel: name, gateway, pixels: String(columns) });
    for (const [key, time] of Object.entries(range)) params.set(key, String(time));
    const answer = await fetch(`/api/v1/query?${params}`);
    if (!answer.ok) throw new Error(await answer.text());
    return [id, seriesOf(await answer.json(), columns)];
  });
  return new Map(await Promise.all(all));
}

/** The series of an answer of `/api/v1/query` for one channel. */
export function seriesOf(root: unknown, columns: number): Series {
  const answer = isObject(root) ? root : {};
  const [from, to] = [numberOf(answer.from), numberOf(answer.to)];
  const [channel = {}] = listOf(answer.channels);
  const column = (name: string) => (Array.isArray(channel[name]) ? (channel[name] as unknown[]) : []);
  const index = column('count').flatMap((count, i) => (numberOf(count) > 0 ? [i] : []));
  const values = (name: string) => {
    const all = column(name);
    return Float64Array.from(index, (i) => (typeof all[i] === 'number' ? (all[i] as number) : Number.NaN));
  };
  const missing = listOf(isObject(channel.coverage) ? channel.coverage.stretches : undefined);
  const gaps = missing.filter(({ state }) => textOf(state) !== 'full');
  return Series.fromHistory({
    ...{ type: 'history', channel: 0, from, columns, columnUs: (to - from) / columns },
    ...{ index: Uint16Array.from(index), min: values('min'), max: values('max'), last: values('last') },
    gaps: Float64Array.from(gaps.flatMap((gap) => [numberOf(gap.from), numberOf(gap.to)])),
  });
}
