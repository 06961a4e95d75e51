import type { Buffer } from 'node:buffer';
import { CaissonError } from '../../../gateway/errors.ts';
import { decodeEntries } from '../../../gateway/store/index-entries.ts';
import { samplesOf } from '../../../gateway/store/merge/merge-plan.ts';
import { calendarOf, calendarText, type RetentionCalendar } from '../retention/retention-calendar.ts';
import { longestDays, type RuledChannel } from '../retention/retention-rules.ts';
import {
  type DuePacks,
  type HeldBytes,
  NOTHING_RETIRED,
  type RetentionTerms,
  type Retired,
  type RetiringStore,
} from '../retention/retiring-store.ts';
import { Catalogue } from './catalogue.ts';
import type { PostgresDatabase } from './database.ts';
import type { RetiredPacks } from './draft-gateway.ts';
import { gatewayOfId } from './ids.ts';
import { PackSweep } from './pack-sweep.ts';
import type { PostgresStore } from './postgres-store.ts';

/** Packs of one step: what a pull from the same gateway may wait for. */
const STEP_PACKS_MAX = 128;

/** Where `caisson` keeps the day by which ages count. */
const CALENDAR_KEY = 'retention day';

/** A series of which the oldest packs are due. */
interface DueSeries {
  readonly roster: number;
  /** Ordinal of the oldest that is there with its samples. */
  readonly first: number;
  readonly gateway: string;
  readonly channels: readonly RuledChannel[];
  readonly days: number;
  /** Those that came before this day go. */
  readonly before: number;
}

/**
 * Retires packs of a central over PostgreSQL: first they are retired for every reader, in the row of their roster, under the lease of their gateway;
 * some time later, when no query still goes by what was before, their bytes go: whole months where nothing else is in them, else rows.
 */
export class PostgresRetiring implements RetiringStore {
  readonly #db: PostgresDatabase;
  readonly #store: PostgresStore;
  readonly #sweep: PackSweep;
  readonly #catalogue = new Catalogue();

  /** @param graceMs from when packs are retired until their bytes go, milliseconds; less where a test is in a hurry */
  constructor(db: PostgresDatabase, store: PostgresStore, graceMs?: number) {
    this.#db = db;
    this.#store = store;
    this.#sweep = new PackSweep(db, graceMs);
  }

  async due(terms: RetentionTerms): Promise<DuePacks[]> {
    const due = new Map<number, DuePacks>();
    for (const { roster, first: oldest, gateway, channels, days, before } of await this.#series(terms)) {
      const { rows } = await this.#db.read((statements) =>
        statements.query(
          `SELECT count(*)::int AS packs, sum(size)::float8 AS bytes, min(day) AS first, max(day) AS last FROM pack_index
           WHERE gateway = $1 AND roster = $2 AND level = 0 AND ordinal >= $3 AND day < $4`,
          [gatewayOfId(roster), roster, oldest, before],
        ),
      );
      const [sums] = rows as { packs: number; bytes: number; first: number; last: number }[];
      if (sums === undefined || sums.packs === 0) continue;
      const { packs, bytes, first, last } = sums;
      const names = channels.map(({ name }) => name);
      const ages = { oldest: terms.today - first, youngest: terms.today - last };
      const series = this.#catalogue.rosters.get(roster)?.source ?? roster;
      due.set(series, together(due.get(series), { gateway, channels: names, days, packs, bytes, ...ages }));
    }
    return [...due.values()];
  }

  async *held(today: number): AsyncGenerator<readonly HeldBytes[]> {
    const { rows } = await this.#db.read(async (statements) => {
      await this.#catalogue.learn(statements);
      return statements.query(
        `SELECT rosters.id, day, sum(size)::float8 AS bytes FROM rosters JOIN pack_index ON pack_index.gateway = rosters.gateway
           AND pack_index.roster = rosters.id AND level = 0 AND ordinal >= GREATEST(retired, moved) WHERE day < $1 GROUP BY rosters.id, day`,
        [today],
      );
    });
    const channelsOf = this.#channelsBy();
    yield (rows as { id: number; day: number; bytes: number }[]).map(({ id, day, bytes }) => {
      return { channels: channelsOf(id), day, bytes };
    });
  }

  async calendar(): Promise<RetentionCalendar | undefined> {
    const { rows } = await this.#db.read((statements) =>
      statements.query('SELECT value FROM caisson WHERE key = $1', [CALENDAR_KEY]),
    );
    return calendarOf((rows as { value: string }[])[0]?.value);
  }

  async keepCalendar(calendar: RetentionCalendar): Promise<void> {
    await this.#db.change((statements) =>
      statements.query('INSERT INTO caisson VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value', [
        CALENDAR_KEY,
        calendarText(calendar),
      ]),
    );
  }

  async *retire(terms: RetentionTerms): AsyncGenerator<Retired> {
    // What was retired in an earlier look.
    for await (const _ of this.#sweep.run(terms.today)) yield NOTHING_RETIRED;
    for (const series of await this.#series(terms)) {
      try {
        for (;;) {
          const step = await this.#step(series);
          if (step === undefined) break;
          yield { packs: step.packs.length, samples: step.samples, bytes: step.bytes };
        }
      } catch (error) {
        // Whoever pulls from it retires as well.
        if (!(error instanceof CaissonError) || error.code !== 'gateway-held') throw error;
      }
    }
  }

  /** The series whose oldest packs with samples are due; those that were merged, which are older, before those that came behind them. */
  async #series({ daysOf, today }: RetentionTerms): Promise<DueSeries[]> {
    const { rows } = await this.#db.read(async (statements) => {
      await this.#catalogue.learn(statements);
      return statements.query(
        `SELECT rosters.id, ordinal AS first, day FROM rosters JOIN pack_index ON pack_index.gateway = rosters.gateway
           AND pack_index.roster = rosters.id AND level = 0 AND ordinal = GREATEST(retired, moved)
         ORDER BY rosters.gateway, COALESCE(source, rosters.id), source IS NULL`,
      );
    });
    const channelsOf = this.#channelsBy();
    return (rows as { id: number; first: number; day: number }[]).flatMap(({ id: roster, first, day }) => {
      const channels = channelsOf(roster);
      const days = longestDays(daysOf, channels);
      const gateway = this.#catalogue.names.get(gatewayOfId(roster)) ?? '';
      return day < today - days ? [{ roster, first, gateway, channels, days, before: today - days }] : [];
    });
  }

  /** Channels of a roster, as they are known now. */
  #channelsBy(): (roster: number) => RuledChannel[] {
    const known = new Map(this.#catalogue.channels.map((channel) => [channel.id, channel]));
    return (roster) => (this.#catalogue.rosters.get(roster)?.channels ?? []).flatMap((id) => known.get(id) ?? []);
  }

  /** Retires the next packs of a series; undefined where none is due. */
  #step({ roster, gateway, before }: DueSeries): Promise<(RetiredPacks & { readonly samples: number }) | undefined> {
    return this.#store.retire(gateway, async ({ number, catalogue }) => {
      const beside = catalogue.besideOf(roster);
      // The first to go are the oldest.
      if (beside !== undefined && catalogue.retiredOf(beside.id) < beside.packs) return undefined;
      const first = Math.max(catalogue.retiredOf(roster), catalogue.movedOf(roster));
      const members = catalogue.rosters.get(roster)?.channels.length ?? 0;
      const { rows } = await this.#db.read((statements) =>
        statements.query(
          `SELECT ordinal, position_first AS position, day, size, entries FROM pack_index
           WHERE gateway = $1 AND roster = $2 AND level = 0 AND ordinal >= $3 AND ordinal < $4 ORDER BY ordinal`,
          [number, roster, first, first + STEP_PACKS_MAX],
        ),
      );
      const next = rows as { ordinal: number; position: number; day: number; size: number; entries: Buffer }[];
      const young = next.findIndex(({ day }) => day >= before);
      const packs = young < 0 ? next : next.slice(0, young);
      if (packs.length === 0) return undefined;
      return {
        ...{ roster, end: first + packs.length, packs },
        bytes: packs.reduce((sum, { size }) => sum + size, 0),
        samples: packs.reduce((sum, { entries }) => sum + samplesOf(decodeEntries(entries, members)), 0),
      };
    });
  }
}

/** What is due of one series in two rosters. */
function together(older: DuePacks | undefined, younger: DuePacks): DuePacks {
  if (older === undefined) return younger;
  const [packs, bytes] = [older.packs + younger.packs, older.bytes + younger.bytes];
  return { ...younger, packs, bytes, oldest: Math.max(older.oldest, younger.oldest) };
}
