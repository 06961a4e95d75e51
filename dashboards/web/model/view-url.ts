/** Spans of the window that the page offers, seconds. */
export const SPANS = [10, 60, 300] as const;
export type Span = (typeof SPANS)[number];

/** What the page shows, as its address tells it. */
export interface View {
  /** Paths of the charts, in order; undefined where the address does not say. */
  readonly charts: readonly string[] | undefined;
  readonly span: Span;
}

export function viewOf(search: string): View {
  const params = new URLSearchParams(search);
  const charts = params.getAll('c').filter((path) => path !== '');
  const span = SPANS.find((seconds) => String(seconds) === params.get('w')) ?? 60;
  return { charts: params.has('c') ? charts : undefined, span };
}

/** The query part of the address of a view; paths stay readable. */
export function searchOf(charts: readonly string[], span: Span): string {
  const parts = charts.map((path) => `c=${encodeURIComponent(path).replaceAll('%2F', '/')}`);
  if (charts.length === 0) parts.push('c=');
  if (span !== 60) parts.push(`w=${span}`);
  return `?${parts.join('&')}`;
}
