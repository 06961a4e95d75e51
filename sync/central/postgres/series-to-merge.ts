import type { Buffer } from 'node:buffer';
import type { ChannelClass } from '../../../gateway/channel.ts';
import type { Row } from '../../../gateway/store/block-rows.ts';
import type { MergeSource } from '../../../gateway/store/merge/merge-plan.ts';
import { decodeRoster } from '../../../gateway/store/roster.ts';
import type { PostgresDatabase } from './database.ts';
import type { MovedPack } from './moved-packs.ts';
import { indexRowOf } from './series-index.ts';

/** A series with packs of days that are over which were not looked at. */
export interface SeriesToMerge {
  readonly gateway: string;
  readonly number: number;
  readonly roster: number;
  readonly channels: readonly number[];
  /** Ordinal of the first of those packs. */
  readonly first: number;
}

/** A pack that may be merged. */
export interface StoredSource extends MergeSource {
  /** Month in which it came; the day is its period. */
  readonly month: number;
}

/**
 * Series of gateways that a process holds, or that nobody has pulled from for as long as a lease is good for.
 * @throws CaissonError `store-failed`
 */
export async function dueSeries(
  db: PostgresDatabase,
  terms: { readonly today: number; readonly holder: string; readonly leaseMs: number },
): Promise<SeriesToMerge[]> {
  const { rows } = await db.read((statements) =>
    statements.query(
      `SELECT name, rosters.gateway, rosters.id, rosters.channels, ordinal AS first FROM rosters
       JOIN gateways ON gateways.gateway = rosters.gateway JOIN gateway_numbers ON number = rosters.gateway
       JOIN pack_index ON pack_index.gateway = rosters.gateway AND pack_index.roster = rosters.id AND level = 0
         AND ordinal = GREATEST(moved, looked, retired)
       WHERE source IS NULL AND day < $1 AND (holder = $2 OR expires < now() - $3 * interval '1 millisecond')
       ORDER BY rosters.gateway, rosters.id`,
      [terms.today, terms.holder, terms.leaseMs],
    ),
  );
  return (rows as Row[]).map(({ name, gateway, id, channels, first }) => ({
    ...{ gateway: String(name), number: Number(gateway), roster: Number(id), first: Number(first) },
    channels: decodeRoster(channels as Buffer),
  }));
}

/**
 * Packs of a series from an ordinal on, at most `packsMax`.
 * @param before only those that came before this day
 * @throws CaissonError `store-failed`, `block-invalid`
 */
export async function sourcesOf(
  db: PostgresDatabase,
  { number, roster, channels }: SeriesToMerge,
  { from, packsMax, before }: { readonly from: number; readonly packsMax: number; readonly before: number },
): Promise<StoredSource[]> {
  const packs = await packsOf(db, { number, roster, channels }, from, from + packsMax);
  const young = packs.findIndex(({ day }) => day >= before);
  return (young < 0 ? packs : packs.slice(0, young)).map(({ row, day, month, size, class: packClass }) => ({
    ...{ position: row.lastPosition, ordinal: row.ordinal, boot: row.boot ?? 0, stamp: row.stamp },
    ...{ class: packClass as ChannelClass, merges: 0, period: day, month, size, entries: row.entries() },
  }));
}

/** Packs of a series with ordinals [from, to), as they are in the index. @throws CaissonError `store-failed` */
export async function packsOf(
  db: PostgresDatabase,
  { number, roster, channels }: Pick<SeriesToMerge, 'number' | 'roster' | 'channels'>,
  from: number,
  to: number,
): Promise<(MovedPack & { readonly row: { readonly ordinal: number } })[]> {
  const { rows } = await db.read((statements) =>
    statements.query(
      `SELECT * FROM pack_index WHERE gateway = $1 AND roster = $2 AND level = 0 AND ordinal >= $3 AND ordinal < $4
       ORDER BY ordinal`,
      [number, roster, from, to],
    ),
  );
  return (rows as Row[]).map((row) => ({
    row: indexRowOf(row, channels.length),
    ...{ month: Number(row.month), day: Number(row.day), size: Number(row.size), class: String(row.class) },
    isMerged: Boolean(row.merged),
  }));
}
