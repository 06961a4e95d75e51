import type { Telemetry } from '../../../gateway/query/telemetry.ts';
import { HISTORY_GAPS_MAX, type History } from '../../wire.ts';

/**
 * The last `seconds` of a channel as `columns` columns. Columns lie on whole multiples of their width (WIRE-5.1), so
 * that a viewer's later samples fall into the same grid; the last column holds `now`.
 * @param now UTC, microseconds
 */
export function historyOf(
  telemetry: Telemetry,
  channel: number,
  now: number,
  seconds: number,
  columns: number,
): History {
  const columnUs = Math.max(1, Math.round((seconds * 1e6) / columns));
  const to = (Math.floor(now / columnUs) + 1) * columnUs;
  const from = to - columns * columnUs;
  const envelope = telemetry.envelope(channel, from, to, columns);
  let present = 0;
  for (let i = 0; i < columns; i++) if ((envelope.count[i] ?? 0) > 0) present++;
  const index = new Uint16Array(present);
  const min = new Float64Array(present);
  const max = new Float64Array(present);
  const last = new Float64Array(present);
  for (let i = 0, at = 0; i < columns; i++) {
    if ((envelope.count[i] ?? 0) === 0) continue;
    index[at] = i;
    min[at] = envelope.min[i] ?? Number.NaN;
    max[at] = envelope.max[i] ?? Number.NaN;
    last[at] = envelope.last[i] ?? Number.NaN;
    at++;
  }
  const gaps = telemetry.gaps(channel, from, to).slice(-HISTORY_GAPS_MAX);
  return {
    type: 'history',
    channel,
    from,
    columnUs,
    columns,
    index,
    min,
    max,
    last,
    gaps: Float64Array.from(gaps.flatMap((gap) => [gap.from, gap.to])),
  };
}
