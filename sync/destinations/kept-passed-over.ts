import { messageOf } from '../../gateway/errors.ts';
import type { BlockDb } from '../../gateway/store/block-db.ts';
import { FeedBorders, PASSED_OVER_KEY, type PassedOver, passedOverOf } from '../../gateway/store/passed-over.ts';
import type { DestinationPolicy } from './destination-policy.ts';
import { PassedOverBook } from './passed-over-book.ts';

/** What was passed over of a store that this process writes: a central's, whose followers are other centrals. */
export class KeptPassedOver {
  readonly book: PassedOverBook;
  readonly #store: BlockDb;
  readonly #onProblem: (text: string) => void;
  #borders: FeedBorders;

  /** @param onProblem told of what a person should know */
  constructor(store: BlockDb, policy: DestinationPolicy, onProblem: (text: string) => void) {
    const kept = passedOverOf(store.meta(PASSED_OVER_KEY));
    this.#store = store;
    this.#onProblem = onProblem;
    this.#borders = new FeedBorders(kept);
    this.book = new PassedOverBook({ store, policy, kept, onChanged: (record) => this.#keep(record) });
  }

  /** Across which nothing may be merged. */
  get borders(): FeedBorders {
    return this.#borders;
  }

  #keep(record: PassedOver): void {
    this.#borders = new FeedBorders(record);
    try {
      this.#store.transaction(() => this.#store.keepMeta(PASSED_OVER_KEY, JSON.stringify(record)));
    } catch (error) {
      // Whoever follows gets what may go all the same; it is kept with the next change.
      this.#onProblem(`what was kept back from other centrals is not kept: ${messageOf(error)}`);
    }
  }
}
