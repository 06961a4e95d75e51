import type { BlockDb } from '../../../gateway/store/block-db.ts';
import type { BlockReader } from '../../../gateway/store/block-reader.ts';
import type { ArrivalDays } from './arrival-days.ts';
import { calendarOf, calendarText, type RetentionCalendar } from './retention-calendar.ts';
import { type DaysOf, longestDays, type RuledChannel } from './retention-rules.ts';
import {
  type DuePacks,
  type HeldBytes,
  NOTHING_RETIRED,
  RETIRED,
  type RetentionTerms,
  type Retired,
  type RetiringStore,
} from './retiring-store.ts';

/** Packs looked at between two pauses, and given up in one transaction: what a pull may wait for. */
const LOOK_PACKS_MAX = 2048;
const STEP_PACKS_MAX = 64;

/** Where the large database keeps the day by which ages count. */
const CALENDAR_KEY = 'retention day';

/** A pack with its samples. */
interface DuePack {
  readonly position: number;
  readonly roster: number;
  readonly size: number;
}

/** Retires packs of a central over SQLite: they are thinned, as a gateway thins them for want of room. */
export class SqliteRetiring implements RetiringStore {
  readonly #db: BlockDb;
  readonly #arrivals: ArrivalDays;

  constructor(db: BlockDb, arrivals: ArrivalDays) {
    this.#db = db;
    this.#arrivals = arrivals;
  }

  async due(terms: RetentionTerms): Promise<DuePacks[]> {
    return sqliteDue(this.#db, this.#arrivals, terms);
  }

  async *held(today: number): AsyncGenerator<readonly HeldBytes[]> {
    yield* sqliteHeld(this.#db, this.#arrivals, today);
  }

  async calendar(): Promise<RetentionCalendar | undefined> {
    return calendarOf(this.#db.meta(CALENDAR_KEY));
  }

  async keepCalendar(calendar: RetentionCalendar): Promise<void> {
    this.#db.transaction(() => this.#db.keepMeta(CALENDAR_KEY, calendarText(calendar)));
  }

  async *retire(terms: RetentionTerms): AsyncGenerator<Retired> {
    const series = new Series(this.#db, terms.daysOf);
    for (const packs of looks(this.#db, this.#arrivals, terms.today, series)) {
      const positions = packs.map(({ position }) => position);
      if (positions.length === 0) yield NOTHING_RETIRED;
      for (let at = 0; at < positions.length; at += STEP_PACKS_MAX) {
        const some = positions.slice(at, at + STEP_PACKS_MAX);
        yield this.#db.transaction(() => this.#db.retire(some, RETIRED));
      }
    }
  }
}

/** As {@link RetiringStore.due}, also of a database that another process writes. */
export function sqliteDue(db: BlockReader, arrivals: ArrivalDays, { daysOf, today }: RetentionTerms): DuePacks[] {
  const series = new Series(db, daysOf);
  const found = new Map<number, DuePacks>();
  for (const packs of looks(db, arrivals, today, series)) {
    for (const { position, roster, size } of packs) {
      const age = today - arrivals.dayOf(position);
      const known = found.get(roster) ?? { ...series.told(roster), packs: 0, bytes: 0, oldest: age, youngest: age };
      found.set(roster, {
        ...{ ...known, packs: known.packs + 1, bytes: known.bytes + size },
        ...{ oldest: Math.max(known.oldest, age), youngest: Math.min(known.youngest, age) },
      });
    }
  }
  return [...found.values()];
}

/** As {@link RetiringStore.held}, also of a database that another process writes. */
export function* sqliteHeld(db: BlockReader, arrivals: ArrivalDays, today: number): Generator<HeldBytes[]> {
  const series = new Series(db, () => 0);
  for (const packs of wholePacks(db, arrivals, today)) {
    const sums = new Map<string, HeldBytes>();
    for (const { position, roster, size } of packs) {
      const day = arrivals.dayOf(position);
      const key = `${roster} ${day}`;
      const bytes = (sums.get(key)?.bytes ?? 0) + size;
      sums.set(key, { channels: series.channelsOf(roster), day, bytes });
    }
    yield [...sums.values()];
  }
}

/** What is due of so many packs at a time. */
function* looks(db: BlockReader, arrivals: ArrivalDays, today: number, series: Series): Generator<DuePack[]> {
  for (const packs of wholePacks(db, arrivals, today)) {
    yield packs.filter(({ roster, position }) => position <= arrivals.before(today - series.daysOf(roster)));
  }
}

/** What came before a day and has its samples, of so many packs at a time. */
function* wholePacks(db: BlockReader, arrivals: ArrivalDays, today: number): Generator<DuePack[]> {
  const upTo = arrivals.before(today);
  for (let after = 0; ; ) {
    const packs = db.packsAfter(after, upTo, LOOK_PACKS_MAX);
    const last = packs.at(-1);
    if (last === undefined) return;
    after = last.position;
    yield packs.filter(({ isWhole }) => isWhole);
  }
}

/** What rules say of series, by roster. */
class Series {
  readonly #db: BlockReader;
  readonly #daysOf: DaysOf;
  readonly #channels = new Map<number, RuledChannel>();
  readonly #days = new Map<number, number>();

  constructor(db: BlockReader, daysOf: DaysOf) {
    this.#db = db;
    this.#daysOf = daysOf;
  }

  daysOf(roster: number): number {
    let days = this.#days.get(roster);
    if (days === undefined) {
      days = longestDays(this.#daysOf, this.channelsOf(roster));
      this.#days.set(roster, days);
    }
    return days;
  }

  told(roster: number): Pick<DuePacks, 'gateway' | 'channels' | 'days'> {
    const channels = this.channelsOf(roster);
    const names = channels.map(({ name }) => name);
    return { gateway: channels[0]?.gateway ?? '', channels: names, days: this.daysOf(roster) };
  }

  channelsOf(roster: number): readonly RuledChannel[] {
    const ids = this.#db.channelsOfRoster(roster);
    // One that came since is looked for once more.
    if (ids.some((id) => !this.#channels.has(id))) {
      for (const channel of this.#db.channelsAfter(0).channels) this.#channels.set(channel.id, channel);
    }
    return ids.flatMap((id) => this.#channels.get(id) ?? []);
  }
}
