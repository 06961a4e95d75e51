import type { ScaleHint } from '../../../gateway/store/block/column.ts';
import type { Row } from '../../../gateway/store/block-rows.ts';
import { damageOf } from '../../../gateway/store/damage.ts';
import { decodeDefinition } from '../../../gateway/store/definition-bytes.ts';
import type { IndexEntries } from '../../../gateway/store/index-entries.ts';
import { crossingsOf } from '../../../gateway/store/merge/crossed-packs.ts';
import { cutAt, MERGE_PACKS_MIN, MergeGroup } from '../../../gateway/store/merge/merge-plan.ts';
import { encodeParts } from '../../../gateway/store/merge/merged-parts.ts';
import { type Merged, type MergeOutcome, mergePacks } from '../../../gateway/store/merge/merging.ts';
import type { PostgresDatabase } from './database.ts';
import type { HeldGateway } from './held-gateway.ts';
import type { MovedPacks } from './moved-packs.ts';
import type { PostgresStore } from './postgres-store.ts';
import { packsOf, type SeriesToMerge, type StoredSource, sourcesOf } from './series-to-merge.ts';

/** Packs of which rows of the index are read, or moved, at a time: some milliseconds. */
const STEP_PACKS_MAX = 32;

/** Packs between which those of other series are looked for at a time. */
const CROSSED_PACKS_MAX = 64;

/** Blocks of the packs that become one, of which all rows are held. At the maximum: the next is begun. */
const BLOCKS_MAX = 1 << 17;

/** Packs after which it is written down how far a series was looked at. */
const LOOKED_PACKS = 1024;

/** Several packs as one. */
type StoredMerge = Omit<Merged, 'sources'> & { readonly sources: readonly StoredSource[] };

export interface SeriesMergeParts {
  readonly db: PostgresDatabase;
  readonly store: PostgresStore;
  readonly series: SeriesToMerge;
  /** Number of the day of UTC: what came before it is looked at. */
  readonly today: number;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
}

/**
 * One look at a series, from where the last one ended. Packs move, and are moved by whoever merges something behind them: a series in which nothing is
 * to be merged stays as it is.
 */
export class SeriesMerge {
  readonly #parts: SeriesMergeParts;

  constructor(parts: SeriesMergeParts) {
    this.#parts = parts;
  }

  /** Yields after each step, and what it has merged. @throws CaissonError `gateway-held`, `store-failed` */
  async *run(): AsyncGenerator<StoredMerge | undefined, void> {
    let noted = this.#parts.series.first;
    let looked = noted;
    for await (const group of this.#groups()) {
      yield;
      if (group === undefined) continue;
      const isWhole = yield* this.#mergeGroup(group);
      if (!isWhole) return;
      looked = (group.sources.at(-1)?.ordinal ?? 0) + 1;
      if (looked < noted + LOOKED_PACKS) continue;
      await this.#note(looked);
      noted = looked;
    }
    if (looked > noted) await this.#note(looked);
  }

  /** Neighbours that may become one, as many as can be; undefined where some were read. */
  async *#groups(): AsyncGenerator<MergeGroup<StoredSource> | undefined, void> {
    const { db, series, today: before } = this.#parts;
    let group = new MergeGroup<StoredSource>();
    let blocks = 0;
    for (let { first: from } = series; ; from += STEP_PACKS_MAX) {
      const sources = await sourcesOf(db, series, { from, packsMax: STEP_PACKS_MAX, before });
      for (const source of sources) {
        if (!group.takes(source) || blocks >= BLOCKS_MAX) {
          yield group;
          group = new MergeGroup();
          blocks = 0;
        }
        group.add(source);
        blocks += countOf(source.entries);
      }
      if (sources.length < STEP_PACKS_MAX) break;
      yield undefined;
    }
    if (group.sources.length > 0) yield group;
  }

  /** False where packs are not as they were: somebody else merged or retired them. */
  async *#mergeGroup(group: MergeGroup<StoredSource>): AsyncGenerator<StoredMerge | undefined, boolean> {
    if (!group.isWorthIt()) return true;
    const crossings = yield* this.#crossings(group.sources);
    for (const sources of cutAt(group.sources, crossings)) {
      for (let rest = sources; rest.length >= MERGE_PACKS_MIN; ) {
        const { taken, merged } = yield* this.#merge(rest);
        yield;
        if (merged !== undefined) {
          const made = { ...merged, sources: rest.slice(0, merged.sources.length) };
          if (!(yield* this.#keep(made))) return false;
          yield made;
        }
        rest = rest.slice(taken);
      }
    }
    return true;
  }

  /** As {@link crossingsOf}, between some of them at a time. */
  async *#crossings(sources: readonly StoredSource[]): AsyncGenerator<undefined, number[]> {
    const { store, series } = this.#parts;
    const crossings: number[] = [];
    for (let at = 0; at < sources.length - 1; at += CROSSED_PACKS_MAX) {
      const after = sources[at]?.position;
      const before = sources[at + CROSSED_PACKS_MAX]?.position;
      const found = await store.look(series.gateway, ({ index }) => {
        return crossingsOf(index, series.roster, sources, after, before);
      });
      crossings.push(...found);
      yield;
    }
    return crossings;
  }

  /** Merges the first of the sources, as many as can be; all count as taken where one is damaged. */
  async *#merge(sources: readonly StoredSource[]): AsyncGenerator<undefined, MergeOutcome> {
    const { series, onProblem } = this.#parts;
    const { packs, scales } = await this.#read(sources);
    yield;
    const steps = mergePacks({
      ...{ channels: series.channels, sources, partsOf: () => undefined },
      packBytes: (position) => packs.get(position),
      scaleOf: (channel) => scales.get(channel),
    });
    try {
      for (let next = steps.next(); ; next = steps.next()) {
        if (next.done === true) return next.value;
        yield;
      }
    } catch (error) {
      const damage = damageOf(error);
      if (damage === undefined) throw error;
      const [first, last] = [sources[0]?.position, sources.at(-1)?.position];
      onProblem(`packs ${first} to ${last} of ${series.gateway} stay as they are and are not merged: ${damage}`);
      return { taken: sources.length, merged: undefined };
    }
  }

  /** The bytes of packs by position, and what their channels are scaled by. */
  #read(sources: readonly StoredSource[]) {
    const { db, series } = this.#parts;
    return db.read(async (statements) => {
      const { rows } = await statements.query(
        `SELECT packs.position, bytes FROM unnest($2::int[], $3::bigint[]) AS need (month, position)
         JOIN packs ON packs.month = need.month AND packs.position = need.position WHERE gateway = $1 AND NOT merged`,
        [series.number, sources.map(({ month }) => month), sources.map(({ position }) => position)],
      );
      const { rows: channels } = await statements.query(
        'SELECT id, name, definition FROM channels WHERE gateway = $1 AND id = ANY ($2::bigint[])',
        [series.number, series.channels],
      );
      return {
        packs: new Map((rows as { position: number; bytes: Uint8Array }[]).map((row) => [row.position, row.bytes])),
        scales: new Map<number, ScaleHint | undefined>(
          (channels as Row[]).map(({ id, name, definition }) => [
            Number(id),
            decodeDefinition(String(name), definition as Buffer).scale,
          ]),
        ),
      };
    });
  }

  /** Moves what stands before, some at a time, and then those that became one. False where they are not as they were. */
  async *#keep(merged: StoredMerge): AsyncGenerator<undefined, boolean> {
    const { store, series } = this.#parts;
    for (;;) {
      const moved = await store.move(series.gateway, (held) => this.#next(held, merged));
      if (moved === undefined) return false;
      if (moved.merged !== undefined) return true;
      yield;
    }
  }

  async #next({ catalogue }: HeldGateway, merged: StoredMerge): Promise<MovedPacks | undefined> {
    const { db, series } = this.#parts;
    const { roster } = series;
    const first = merged.sources[0]?.ordinal ?? 0;
    const [moved, retired] = [catalogue.movedOf(roster), catalogue.retiredOf(roster)];
    if (moved > first || retired > first) return undefined;
    if (moved === first) return moveOf(roster, merged);
    const areRetired = moved < retired;
    const end = Math.min(areRetired ? retired : first, moved + STEP_PACKS_MAX);
    const to = await packsOf(db, series, moved, end);
    const from = to.map(({ row: { lastPosition: position, ordinal }, month }) => ({ position, ordinal, month }));
    return { roster, from, to, merged: undefined, areRetired };
  }

  #note(looked: number): Promise<unknown> {
    const { db, series } = this.#parts;
    return db.change((statements) =>
      statements.query('UPDATE rosters SET looked = $3 WHERE gateway = $1 AND id = $2 AND looked < $3', [
        ...[series.number, series.roster, looked],
      ]),
    );
  }
}

/** Several packs go as one, with the position of the last. */
function moveOf(roster: number, { sources, bytes, entries, parts }: StoredMerge): MovedPacks | undefined {
  const last = sources.at(-1);
  if (last === undefined) return undefined;
  const { position, boot, stamp, month, period: day, class: packClass } = last;
  const present = entries.filter((entry) => entry !== undefined);
  const row = {
    ...{ firstPosition: position, lastPosition: position, boot, stamp, thinned: undefined },
    timeMin: Math.min(...present.map(({ timeMin }) => timeMin)),
    timeMax: Math.max(...present.map(({ timeMax }) => timeMax)),
    entries: () => entries,
  };
  const saved = {
    blocks: sources.reduce((sum, source) => sum + countOf(source.entries), 0) - countOf(entries),
    bytes: sources.reduce((sum, { size }) => sum + size, 0) - bytes.length,
  };
  return {
    ...{ roster, from: sources, areRetired: false },
    to: [{ row, month, day, size: bytes.length, class: packClass, isMerged: true }],
    merged: { bytes, parts: encodeParts(parts), saved },
  };
}

function countOf(entries: IndexEntries): number {
  return entries.filter((entry) => entry !== undefined).length;
}
