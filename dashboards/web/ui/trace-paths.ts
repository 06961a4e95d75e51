import type { Series } from '../model/series.ts';

/** The plotting area in canvas pixels. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** What the area shows: seconds from left to right, values from bottom to top. */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
}

/** CSS pixels of the ring that marks a sample that stands alone. */
const LONE_RADIUS = 1.5;

/**
 * The line through the last values and the band between min and max, as canvas paths. Both are interrupted where columns
 * are more than `gapSeconds` apart and not joined, where a known gap lies between them, and where there is no value.
 */
export function tracePaths(series: Series, area: Area, window: Window, gapSeconds: number, isStepped: boolean) {
  const { times, min, max, last, joined, gaps } = series;
  const kx = area.width / (window.to - window.from);
  const ky = area.height / (window.high - window.low);
  const x = (seconds: number) => area.left + (seconds - window.from) * kx;
  const y = (value: number) =>
    area.top + Math.min(2, Math.max(-1, ((window.high - value) * ky) / area.height)) * area.height;
  const start = Math.max(0, series.indexAfter(window.from) - 1);
  const end = Math.min(series.length, series.indexAfter(window.to) + 1);
  const stroke = new Path2D();
  const fill = new Path2D();
  let gap = 0;
  let runStart = start;
  const closeRun = (to: number) => {
    if (to > runStart) addRun(runStart, to);
    runStart = to;
  };
  const addRun = (from: number, to: number) => {
    const firstX = x(times[from] ?? 0);
    stroke.moveTo(firstX, y(last[from] ?? 0));
    for (let i = from + 1; i < to; i++) {
      const px = x(times[i] ?? 0);
      if (isStepped) stroke.lineTo(px, y(last[i - 1] ?? 0));
      stroke.lineTo(px, y(last[i] ?? 0));
    }
    if (to - from === 1) {
      const radius = LONE_RADIUS * devicePixelRatio;
      stroke.moveTo(firstX + radius, y(last[from] ?? 0));
      stroke.arc(firstX, y(last[from] ?? 0), radius, 0, 2 * Math.PI);
    }
    if (isStepped) return;
    fill.moveTo(firstX, y(max[from] ?? 0));
    for (let i = from + 1; i < to; i++) fill.lineTo(x(times[i] ?? 0), y(max[i] ?? 0));
    for (let i = to - 1; i >= from; i--) fill.lineTo(x(times[i] ?? 0), y(min[i] ?? 0));
    fill.closePath();
  };
  for (let i = start; i < end; i++) {
    const time = times[i] ?? 0;
    const before = times[i - 1];
    if (i > start && before !== undefined) {
      while (gap + 1 < gaps.length && (gaps[gap + 1] ?? 0) < before) gap += 2;
      const isApart = time - before > gapSeconds && joined[i] !== 1;
      if (isApart || (gap < gaps.length && (gaps[gap] ?? 0) < time)) closeRun(i);
    }
    if (!Number.isFinite(last[i] ?? Number.NaN)) {
      closeRun(i);
      runStart = i + 1;
    }
  }
  closeRun(end);
  return { stroke, fill };
}
