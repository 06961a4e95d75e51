import type { AskedTelemetry, Envelope, Gap } from '../../../gateway/query/telemetry.ts';
import { HISTORY_GAPS_MAX, type History } from '../../wire.ts';

/**
 * The last `seconds` of a channel as `columns` columns. Columns lie on whole multiples of their width (WIRE-5.1), so
 * that a viewer's later samples fall into the same grid; the last column holds `now`.
 * @param now UTC, microseconds
 */
export function historyOf(
  telemetry: AskedTelemetry,
  channel: number,
  now: number,
  seconds: number,
  columns: number,
): History | Promise<History> {
  const columnUs = Math.max(1, Math.round((seconds * 1e6) / columns));
  const to = (Math.floor(now / columnUs) + 1) * columnUs;
  const from = to - columns * columnUs;
  const envelope = telemetry.envelope(channel, from, to, columns);
  const gaps = telemetry.gaps(channel, from, to);
  const drawn = (envelope: Envelope, gaps: readonly Gap[]) => drawHistory(channel, envelope, gaps, columnUs);
  if (!(envelope instanceof Promise) && !(gaps instanceof Promise)) return drawn(envelope, gaps);
  return Promise.all([envelope, gaps]).then((both) => drawn(...both));
}

function drawHistory(channel: number, envelope: Envelope, gaps: readonly Gap[], columnUs: number): History {
  const { from, pixels: columns } = envelope;
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
    gaps: Float64Array.from(gaps.slice(-HISTORY_GAPS_MAX).flatMap((gap) => [gap.from, gap.to])),
  };
}
