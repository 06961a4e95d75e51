import type { Statement } from 'better-sqlite3';
import type { ChannelClass } from '../channel.ts';
import type { KeptGap, Row } from './block-rows.ts';
import { FAN_OUT } from './block-schema.ts';
import { attempt } from './damage.ts';
import type { GivenUp } from './given-up.ts';
import type { PackTotals } from './pack-totals.ts';
import type { RowPlacement } from './row-placement.ts';

/** A pack that can be given up. */
export interface HeldPack {
  readonly position: number;
  /** Greatest box time stored when it was kept, microseconds. */
  readonly kept: number;
  /** Bytes of its samples; 0 where they went. */
  readonly size: number;
  readonly boot: number;
}

/** What was done of a giving up so far. */
export interface GivenUpSoFar {
  readonly packs: number;
  readonly blocks: number;
  readonly bytes: number;
}

export interface GiveUpParts {
  readonly sql: (text: string) => Statement;
  readonly placement: RowPlacement;
  readonly totals: PackTotals;
  /** The account of what was given up. */
  readonly givenUp: GivenUp;
  /** What a pack stands for, as gaps. */
  readonly packAsGaps: (position: number, cause: string) => KeptGap[];
  readonly gatewayOf: (boot: number) => string;
  /** Told that the newest of the recent rows of the index has left them. */
  readonly onNewestRecentGone: () => void;
}

/**
 * Gives up packs for want of room, oldest first within their class: first their samples (a pack is thinned), later what the
 * index says of them (it is dropped). Everything that changes something belongs in a transaction.
 */
export class GiveUp {
  readonly #parts: GiveUpParts;

  constructor(parts: GiveUpParts) {
    this.#parts = parts;
  }

  /**
   * Gives up packs of a class while `goesOn` says so: their samples (thin), or of thinned ones what the index says of them,
   * and every envelope over them (drop). Returns their number.
   */
  run(
    packClass: ChannelClass,
    act: 'thin' | 'drop',
    cause: string,
    goesOn: (pack: HeldPack, done: GivenUpSoFar) => boolean,
  ): number {
    const gone: KeptGap[] = [];
    const done = { packs: 0, blocks: 0, bytes: 0 };
    for (;;) {
      const pack = this.oldest(packClass, act === 'thin' ? 'whole' : 'thinned');
      if (pack === undefined || !goesOn(pack, done)) break;
      const blocks = act === 'thin' ? this.#thin(pack, packClass, cause) : this.#drop(pack, packClass);
      gone.push(...blocks);
      done.packs += 1;
      done.blocks += blocks.length;
      done.bytes += pack.size;
    }
    if (act === 'thin') this.#parts.givenUp.thin(gone);
    else this.#parts.givenUp.drop(gone);
    return done.packs;
  }

  /** The samples of these packs go, whatever their age. Returns what went. */
  thin(positions: readonly number[], cause: string): GivenUpSoFar & { readonly samples: number } {
    const gone: KeptGap[] = [];
    const done = { packs: 0, blocks: 0, bytes: 0, samples: 0 };
    for (const position of positions) {
      const pack = this.#parts
        .sql('SELECT position, kept, size, boot, class FROM packs WHERE position = ? AND bytes IS NOT NULL')
        .get(position) as (HeldPack & { readonly class: ChannelClass }) | undefined;
      if (pack === undefined) continue;
      const blocks = this.#thin(pack, pack.class, cause);
      gone.push(...blocks);
      done.packs += 1;
      done.blocks += blocks.length;
      done.bytes += pack.size;
      done.samples += blocks.reduce((sum, { count }) => sum + count, 0);
    }
    this.#parts.givenUp.thin(gone);
    return done;
  }

  /** The oldest pack of a class that has its samples, or of which they were given up. */
  oldest(packClass: ChannelClass, state: 'whole' | 'thinned'): HeldPack | undefined {
    const { sql, totals } = this.#parts;
    const held = totals.now.classes[packClass];
    if ((state === 'whole' ? held.whole : held.thinned) === 0) return undefined;
    const row = sql(
      `SELECT position, kept, size, boot FROM packs WHERE position >= ? AND class = ? AND (bytes IS NULL) = ? ORDER BY position LIMIT 1`,
    ).get(state === 'whole' ? held.wholeFrom : held.thinnedFrom, packClass, state === 'whole' ? 0 : 1) as
      | HeldPack
      | undefined;
    if (row !== undefined) totals.beginsAt(packClass, state, row.position);
    return row;
  }

  /** The samples of a pack go. Returns its blocks. */
  #thin({ position, size, boot }: HeldPack, packClass: ChannelClass, cause: string): KeptGap[] {
    const { sql, placement, totals, packAsGaps, gatewayOf, onNewestRecentGone } = this.#parts;
    const blocks = packAsGaps(position, cause);
    if (placement.settle(position)) onNewestRecentGone();
    // Its pages are written over soon, each a part of one of the file system, which would be read then, while a commit waits.
    attempt(() => sql('SELECT bytes FROM packs WHERE position = ?').get(position));
    sql('UPDATE packs SET bytes = NULL, size = 0 WHERE position = ?').run(position);
    sql(
      'UPDATE pack_index SET thinned = ? WHERE (roster, ordinal) = (SELECT roster, ordinal FROM packs WHERE position = ?)',
    ).run(cause, position);
    sql('DELETE FROM merged WHERE (roster, ordinal) = (SELECT roster, ordinal FROM packs WHERE position = ?)').run(
      position,
    );
    totals.thin(gatewayOf(boot), packClass, position, size);
    return blocks;
  }

  /** A thinned pack, whose row is in its place, goes with that row and every envelope over it. Returns its blocks. */
  #drop({ position }: HeldPack, packClass: ChannelClass): KeptGap[] {
    const { sql, totals, packAsGaps } = this.#parts;
    const row = sql(
      'SELECT packs.roster, packs.ordinal, thinned FROM packs JOIN pack_index USING (roster, ordinal) WHERE packs.position = ?',
    ).get(position) as Row;
    const blocks = packAsGaps(position, String(row.thinned));
    const { roster, ordinal } = row;
    sql('DELETE FROM packs WHERE position = ?').run(position);
    sql('DELETE FROM pack_index WHERE roster = ? AND ordinal = ?').run(roster, ordinal);
    const top = sql('SELECT MAX(level) AS level FROM envelopes WHERE roster = ?').get(roster) as Row;
    for (let level = 1; level <= Number(top.level ?? 0); level += 1) {
      const over = Math.floor(Number(ordinal) / FAN_OUT ** level);
      sql('DELETE FROM envelopes WHERE roster = ? AND level = ? AND ordinal = ?').run(roster, level, over);
    }
    totals.drop(packClass, position, blocks.length);
    return blocks;
  }
}
