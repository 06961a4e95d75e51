import type { RetentionCalendar } from './retention-calendar.ts';
import type { DaysOf, RuledChannel } from './retention-rules.ts';

/** Why the samples of a block are not at a central that had them: its own rules gave them up. A cause in the ledger. */
export const RETIRED = 'retired';

/** What went. */
export interface Retired {
  readonly packs: number;
  readonly samples: number;
  /** Of the packs. */
  readonly bytes: number;
}

export const NOTHING_RETIRED: Retired = { packs: 0, samples: 0, bytes: 0 };

/** Packs of one series of which the samples would go now. */
export interface DuePacks {
  readonly gateway: string;
  /** Names. */
  readonly channels: readonly string[];
  /** For how many days after they came they are kept. */
  readonly days: number;
  readonly packs: number;
  readonly bytes: number;
  /** Ages of the oldest and the youngest, whole days since they came. */
  readonly oldest: number;
  readonly youngest: number;
}

/** Bytes of the packs of a series that have their samples and came on one day. */
export interface HeldBytes {
  readonly channels: readonly RuledChannel[];
  /** Number of the day of UTC. */
  readonly day: number;
  readonly bytes: number;
}

/** What rules of the day say. */
export interface RetentionTerms {
  readonly daysOf: DaysOf;
  /** Number of the day of UTC. */
  readonly today: number;
}

/** A store of a central that can give up samples and still know that it had them. */
export interface RetiringStore {
  /** What {@link RetiringStore.retire} would give up, series by series; changes nothing. @throws CaissonError `store-failed` */
  due(terms: RetentionTerms): Promise<DuePacks[]>;
  /** What came before `today` and has its samples, some at a time. @throws CaissonError `store-failed` */
  held(today: number): AsyncIterable<readonly HeldBytes[]>;
  /**
   * Gives up what is due, in steps of one small transaction each: what was told of is durable, and the rest has not begun. The
   * index stays with all that it says of a block; its cause is {@link RETIRED}. @throws CaissonError `store-failed`
   */
  retire(terms: RetentionTerms): AsyncIterable<Retired>;
  /** By which day was counted last; undefined before the first time. @throws CaissonError `store-failed` */
  calendar(): Promise<RetentionCalendar | undefined>;
  keepCalendar(calendar: RetentionCalendar): Promise<void>;
}
