import type { WireChannel } from '../../wire.ts';

const MINUS = '\u2212';

/** A value as a person reads it: enum label, on/off, number with the channel's decimals. */
export function formatValue(channel: WireChannel, value: number | string | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  if (channel.type === 'bool') return value === 0 ? 'off' : Number.isNaN(value) ? 'no value' : 'on';
  if (channel.type === 'enum') return channel.labels.get(value) ?? formatNumber(value, channel.decimals);
  return formatNumber(value, channel.decimals);
}

/** A number with a fixed count of digits behind the point; none where it is undefined. */
export function formatNumber(value: number, decimals: number | undefined): string {
  if (Number.isNaN(value)) return 'no value';
  if (!Number.isFinite(value)) return value > 0 ? '\u221e' : `${MINUS}\u221e`;
  const magnitude = Math.abs(value);
  if (
    magnitude >= 1e15 ||
    (magnitude > 0 && magnitude < 1e-4 && (decimals ?? 0) > 4 && Number(value.toFixed(decimals)) === 0)
  ) {
    return value.toExponential(3).replace('-', MINUS);
  }
  const text = value.toFixed(decimals ?? 0);
  return grouped((Number(text) === 0 ? text.replace('-', '') : text).replace('-', MINUS));
}

/** Five digits and more before the point stand in groups of three, a narrow space between them (ISO 80000-1). */
function grouped(text: string): string {
  const point = text.indexOf('.');
  const end = point < 0 ? text.length : point;
  if (end - (text.startsWith(MINUS) ? 1 : 0) < 5) return text;
  return text.slice(0, end).replace(/\B(?=(\d{3})+$)/g, '\u202f') + text.slice(end);
}

/** A stretch of time in at most five characters and a unit: `12 µs`, `40 ms`, `1.2 s`, `3 min`, `2 h`, `5 d`. */
export function formatAge(seconds: number): string {
  if (!Number.isFinite(seconds)) return '';
  const sign = seconds < 0 ? MINUS : '';
  const size = Math.abs(seconds);
  if (size > 0 && size < 0.0009995) return `${sign}${Math.round(size * 1e6)} \u00b5s`;
  if (size < 0.9995) return `${sign}${Math.round(size * 1000)} ms`;
  if (size < 9.95) return `${sign}${size.toFixed(1)} s`;
  if (size < 99.5) return `${sign}${Math.round(size)} s`;
  if (size < 5970) return `${sign}${Math.round(size / 60)} min`;
  if (size < 172_800) return `${sign}${Math.round(size / 3600)} h`;
  return `${sign}${Math.round(size / 86_400)} d`;
}

/** A count with a thousands prefix: `980`, `21.4 k`, `1.2 M`. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return '';
  if (count < 999.5) return String(Math.round(count));
  for (const [size, prefix] of [
    [1e3, 'k'],
    [1e6, 'M'],
    [1e9, 'G'],
    [1e12, 'T'],
  ] as const) {
    if (count < size * 999.5) return `${(count / size).toFixed(count < size * 99.95 ? 1 : 0)} ${prefix}`;
  }
  return count.toExponential(1);
}

/** Bytes with a thousands prefix: `980 B`, `21.4 kB`. */
export function formatBytes(bytes: number): string {
  const count = formatCount(bytes);
  return `${count}${/\d$/.test(count) ? ' ' : ''}B`;
}

/** Time of day in the viewer's zone, with as many digits behind the second as `stepSeconds` needs. */
export function formatClock(seconds: number, stepSeconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (part: number) => String(part).padStart(2, '0');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (stepSeconds >= 1) return clock;
  const digits = stepSeconds >= 0.1 ? 1 : 3;
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0').slice(0, digits)}`;
}
