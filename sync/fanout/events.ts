import type { SourceStatus } from '../../gateway/status.ts';
import type { Conflict } from '../central/batch-pass.ts';
import type { NewsItem } from './news.ts';

/** Something that happened at a gateway or on its way here, as others may read it (FORMAT.md). Times UTC, microseconds. */
export type FanoutEvent =
  | { readonly kind: 'boot'; readonly boot: string; readonly started: number }
  | {
      readonly kind: 'gap';
      readonly boot: string;
      readonly channel: string;
      readonly firstSequence: number;
      readonly count: number;
      readonly from: number;
      readonly to: number;
      readonly cause: string;
    }
  | ({ readonly kind: 'conflict' } & Omit<Conflict, 'gateway'>)
  | {
      readonly kind: 'source';
      readonly time: number;
      readonly source: string;
      readonly state: SourceStatus['state'] | 'gone';
      readonly problem?: string;
    };

/** What an item of the news is as an event. */
export function newsEvent(item: Exclude<NewsItem, { kind: 'samples' }>): FanoutEvent {
  if (item.kind === 'boot') return { kind: 'boot', boot: item.boot, started: item.started };
  return { kind: 'gap', ...item.run };
}

/** What changed in the health of sources since a gateway was last asked; nothing where it was not asked before. */
export function sourceEvents(
  before: readonly SourceStatus[] | undefined,
  now: readonly SourceStatus[],
  time: number,
): FanoutEvent[] {
  if (before === undefined) return [];
  const known = new Map(before.map((source) => [source.name, source]));
  const changed = now.filter(({ name, state, problem }) => {
    const source = known.get(name);
    known.delete(name);
    return source === undefined || source.state !== state || source.problem !== problem;
  });
  return [
    ...changed.map(({ name: source, state, problem }): FanoutEvent => {
      return { kind: 'source', time, source, state, ...(problem === undefined ? {} : { problem }) };
    }),
    ...[...known.keys()].map((source): FanoutEvent => ({ kind: 'source', time, source, state: 'gone' })),
  ];
}
