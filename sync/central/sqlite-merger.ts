import type { ScaleHint } from '../../gateway/store/block/column.ts';
import type { BlockDb } from '../../gateway/store/block-db.ts';
import { Merger, type MergerParts } from '../../gateway/store/merge/merger.ts';
import { FeedBorders } from '../../gateway/store/passed-over.ts';
import type { ArrivalDays } from './retention/arrival-days.ts';

const NO_BORDERS = new FeedBorders({});

/** More than there are: a day and the borders before a position are one number. */
const BORDERS_MAX = 2 ** 32;

/**
 * Merges the packs of a central over SQLite as a gateway does its own, but only packs that came on one day, once that day is over: ages
 * by which rules retire are then as they were, and who follows has passed by.
 *
 * @param onProblem told of what a person should know
 * @param borders across which nothing is merged
 * @param windows as MERGE_WINDOWS has them, smaller where a test wants them so
 */
export function sqliteMerger(
  db: BlockDb,
  arrivals: ArrivalDays,
  onProblem: (text: string) => void,
  borders: () => FeedBorders = () => NO_BORDERS,
  windows?: MergerParts['windows'],
): Merger {
  const scales = new Scales(db);
  return new Merger({
    ...{ store: db, onProblem },
    scaleOf: (channel) => scales.of(channel),
    isApart: (first, last) => arrivals.isOver(last) && borders().isApart(first, last),
    periodOf: (position) => arrivals.dayOf(position) * BORDERS_MAX + borders().periodOf(position),
    ...(windows !== undefined && { windows }),
  });
}

/** Of channels as they are defined last. */
class Scales {
  readonly #db: Pick<BlockDb, 'channelsAfter'>;
  readonly #scales = new Map<number, ScaleHint | undefined>();
  #position = 0;

  constructor(db: Pick<BlockDb, 'channelsAfter'>) {
    this.#db = db;
  }

  of(channel: number): ScaleHint | undefined {
    const { channels, position } = this.#db.channelsAfter(this.#position);
    this.#position = position;
    for (const { id, scale } of channels) this.#scales.set(id, scale);
    return this.#scales.get(channel);
  }
}
