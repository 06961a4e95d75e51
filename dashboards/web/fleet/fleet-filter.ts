import type { Attention, FleetBox } from '../../wire.ts';

/** Which boxes are shown. */
export interface FleetFilter {
  /** Words that must all occur in what is shown of a box. */
  readonly text: string;
  /** Undefined: all. */
  readonly attention: Attention | undefined;
}

const ATTENTIONS: readonly Attention[] = ['act', 'watch', 'good'];

/** The filter that the address of the page tells. */
export function filterOf(search: string): FleetFilter {
  const params = new URLSearchParams(search);
  return {
    text: params.get('q') ?? '',
    attention: ATTENTIONS.find((each) => each === params.get('need')),
  };
}

/** The query part of the address; empty where all is shown. */
export function searchOfFilter({ text, attention }: FleetFilter): string {
  const params = new URLSearchParams();
  if (text !== '') params.set('q', text);
  if (attention !== undefined) params.set('need', attention);
  const search = params.toString();
  return search === '' ? '' : `?${search}`;
}

/** Whether a box is shown. Case does not matter. */
export function fits(box: FleetBox, { text, attention }: FleetFilter): boolean {
  if (attention !== undefined && box.attention !== attention) return false;
  const { gateway, reasons, version = '', line } = box;
  const shown = [gateway, version, line.state, line.place ?? '', ...reasons].join('\n').toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => shown.includes(word));
}
