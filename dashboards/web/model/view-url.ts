import type { Stretch } from './stretch.ts';

/** Spans of the window that the page offers, seconds. */
export const SPANS = [10, 60, 300] as const;
export type Span = (typeof SPANS)[number];

/** What the page shows, as its address tells it. */
export interface View {
  /** Paths of the charts, in order; undefined where the address does not say. */
  readonly charts: readonly string[] | undefined;
  readonly span: Span;
  /** What the charts show in place of the last moments. */
  readonly stretch: Stretch | undefined;
}

export function viewOf(search: string): View {
  const params = new URLSearchParams(search);
  const charts = params.getAll('c').filter((path) => path !== '');
  const span = SPANS.find((seconds) => String(seconds) === params.get('w')) ?? 60;
  return { charts: params.has('c') ? charts : undefined, span, stretch: stretchOf(params) };
}

/** Times in the address are UTC in microseconds, as the API has them. */
function stretchOf(params: URLSearchParams): Stretch | undefined {
  const [from, to] = ['from', 'to'].map((key) => Number(params.get(key) ?? Number.NaN) / 1e6);
  if (from === undefined || to === undefined || !(from < to)) return undefined;
  return { from, to, title: params.get('title') ?? 'Paused' };
}

/** The query part of the address of a view; paths stay readable. */
export function searchOf(charts: readonly string[], span: Span, stretch?: Stretch): string {
  const parts = charts.map((path) => `c=${encodeURIComponent(path).replaceAll('%2F', '/')}`);
  if (charts.length === 0) parts.push('c=');
  if (span !== 60) parts.push(`w=${span}`);
  if (stretch !== undefined) {
    const { from, to, title } = stretch;
    parts.push(`from=${Math.round(from * 1e6)}&to=${Math.round(to * 1e6)}&title=${encodeURIComponent(title)}`);
  }
  return `?${parts.join('&')}`;
}
