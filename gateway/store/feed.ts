import type { Statement } from 'better-sqlite3';
import { derivationOf, type FeedItem, gapOf, type KeptGap, type Row, readingOf } from './block-rows.ts';
import { decodeDefinition } from './definition-bytes.ts';
import { decodeRoster } from './roster.ts';

/** Key in `meta` of the last position given out when something was dropped. */
export const LAST_POSITION = 'last position';

/** Boots by which a place in a feed is known again. */
export const PLACE_BOOTS_MAX = 16;

/** A boot, and where in the feed it begins. */
export interface BootPlace {
  readonly boot: string;
  readonly position: number;
}

/** Bytes of one block in an item that tells of a thinned pack, about. */
const GIVEN_UP_BYTES = 64;

const FEED_SQL: Record<FeedItem['kind'], string> = {
  boot: `SELECT boots.gateway, boots.boot, boots.started, origins.boot AS origin
    FROM boots LEFT JOIN boots AS origins ON origins.id = boots.origin WHERE boots.position = ?`,
  channel: `WITH told (at) AS (VALUES (?)) SELECT gateway, name, definition
    FROM told JOIN channels ON channels.position = at OR channels.first_position = at`,
  clock:
    'SELECT boots.gateway, boots.boot, time, offset, error, source FROM clock JOIN boots ON boots.id = clock.boot WHERE clock.position = ?',
  pack: 'SELECT bytes FROM packs WHERE position = ?',
  'given-up': `SELECT boots.gateway, boots.boot, pack_index.thinned FROM packs JOIN pack_index USING (roster, ordinal)
    JOIN boots ON boots.id = packs.boot WHERE packs.position = ?`,
  gap: `SELECT boots.gateway, boots.boot, channels.name AS channel_name, gaps.channel, first_sequence, count, time_from, time_to, cause
    FROM gaps JOIN boots ON boots.id = gaps.boot JOIN channels ON channels.id = gaps.channel WHERE gaps.position = ?`,
  derivation: `SELECT boots.gateway, boots.boot, boots.origin, version, made, arrival, device, channels, recipe
    FROM derivations JOIN boots ON boots.id = derivations.boot WHERE derivations.position = ?`,
};

/** What may stand in the feed after a position, and what of it is of one gateway. */
const KEYS_SQL = `SELECT position, 'boot' AS kind FROM boots WHERE position > @after
  UNION ALL SELECT position, 'channel' FROM channels WHERE position > @after
  UNION ALL SELECT first_position, 'channel' FROM channels WHERE first_position > @after AND first_position <> position
  UNION ALL SELECT position, 'clock' FROM clock WHERE position > @after
  UNION ALL SELECT position, CASE WHEN bytes IS NULL THEN 'given-up' ELSE 'pack' END FROM packs WHERE position > @after
  UNION ALL SELECT position, 'gap' FROM gaps WHERE position > @after
  UNION ALL SELECT position, 'derivation' FROM derivations WHERE position > @after
  ORDER BY position LIMIT @itemsMax`;
const OWN_BOOT = '(SELECT id FROM boots WHERE gateway = @gateway)';
const KEYS_OF_GATEWAY_SQL = KEYS_SQL.replace(
  /FROM (boots|channels) WHERE/g,
  'FROM $1 WHERE gateway = @gateway AND',
).replace(/FROM (clock|packs|gaps|derivations) WHERE/g, `FROM $1 WHERE boot IN ${OWN_BOOT} AND`);

const TERMS_SQL = `SELECT position, 'boot' AS kind FROM boots WHERE position > @after
  UNION ALL SELECT position, 'channel' FROM channels WHERE position > @after
  UNION ALL SELECT first_position, 'channel' FROM channels WHERE first_position > @after AND first_position <> position
  UNION ALL SELECT position, 'clock' FROM clock WHERE position > @after
  UNION ALL SELECT position, 'gap' FROM gaps WHERE position > @after
  ORDER BY position LIMIT @itemsMax`;

const LAST_SQL = `SELECT MAX(position) FROM (
    SELECT MAX(position) AS position FROM boots UNION ALL SELECT MAX(position) FROM channels
    UNION ALL SELECT MAX(position) FROM clock UNION ALL SELECT MAX(position) FROM packs
    UNION ALL SELECT MAX(position) FROM gaps UNION ALL SELECT MAX(position) FROM derivations)`;

/** Reads the log of a store that a central follows: every step by its position, in the order in which they came to be. */
export class Feed {
  readonly #sql: (text: string) => Statement;
  readonly #packAsGaps: (position: number, cause: string) => KeptGap[];

  /** @param packAsGaps what a pack stands for, as gaps */
  constructor(sql: (text: string) => Statement, packAsGaps: (position: number, cause: string) => KeptGap[]) {
    this.#sql = sql;
    this.#packAsGaps = packAsGaps;
  }

  /** What came to be after `after`, at most `itemsMax` steps and, but for the first, `bytesMax` bytes of packs; only of `gateway` where one is named. */
  after(after: number, itemsMax: number, bytesMax: number, gateway?: string): FeedItem[] {
    const statement = this.#sql(gateway === undefined ? KEYS_SQL : KEYS_OF_GATEWAY_SQL);
    const bounds = gateway === undefined ? { after, itemsMax } : { after, itemsMax, gateway };
    const keys = statement.all(bounds) as { position: number; kind: FeedItem['kind'] }[];
    const items: FeedItem[] = [];
    let bytes = 0;
    for (const { position, kind } of keys) {
      const item = this.#item(position, kind);
      if (item === undefined) continue;
      bytes += bytesOf(item);
      if (bytes > bytesMax && items.length > 0) break;
      items.push(item);
    }
    return items;
  }

  /** What came to be after `after` of what packs refer to and of what happened: boots, channels, clock rows and gaps. */
  terms(after: number, itemsMax: number): FeedItem[] {
    const keys = this.#sql(TERMS_SQL).all({ after, itemsMax }) as { position: number; kind: FeedItem['kind'] }[];
    return keys.flatMap(({ position, kind }) => this.#item(position, kind) ?? []);
  }

  /** The last position of what is in it; 0 where it is empty. */
  lastPosition(): number {
    return Number(this.#sql(LAST_SQL).pluck().get() ?? 0);
  }

  /** The last boots at or before a position, at most PLACE_BOOTS_MAX, in the order of their positions; only of `gateway` where one is named. */
  bootsUpTo(position: number, gateway?: string): BootPlace[] {
    const own = gateway === undefined ? '' : 'AND gateway = @gateway';
    const sql = `SELECT boot, position FROM boots WHERE position <= @position ${own} ORDER BY position DESC LIMIT @most`;
    const bounds = { position, most: PLACE_BOOTS_MAX, ...(gateway !== undefined && { gateway }) };
    return (this.#sql(sql).all(bounds) as BootPlace[]).reverse();
  }

  /** Positions of packs that have their samples, in (after, before), the newest first. */
  packsBefore(before: number, after: number, packsMax: number): number[] {
    const sql = 'SELECT position FROM packs WHERE position > ? AND position < ? AND bytes IS NOT NULL';
    return this.#sql(`${sql} ORDER BY position DESC LIMIT ?`).pluck().all(after, before, packsMax) as number[];
  }

  /** The next packs after `after` that have their samples, at most `packsMax`, ascending, with the roster of each. */
  packRosters(after: number, packsMax: number): { readonly position: number; readonly roster: number }[] {
    const sql = 'SELECT position, roster FROM packs WHERE position > ? AND bytes IS NOT NULL ORDER BY position LIMIT ?';
    return this.#sql(sql).all(after, packsMax) as { position: number; roster: number }[];
  }

  /** Names of the channels of a roster; it may get more later. */
  rosterNames(roster: number): string[] {
    const bytes = this.#sql('SELECT channels FROM rosters WHERE id = ?').pluck().get(roster) as Buffer | undefined;
    return bytes === undefined ? [] : decodeRoster(bytes).map((channel) => this.#nameOf(channel));
  }

  /** The pack at a position; undefined where it is gone, or moved to another one. */
  packAt(position: number): Extract<FeedItem, { kind: 'pack' }> | undefined {
    const row = this.#sql(FEED_SQL.pack).get(position) as Row | undefined;
    if (row === undefined || row.bytes === null) return undefined;
    return { kind: 'pack', position, bytes: row.bytes as Buffer };
  }

  /** True where packs after `after` have more than so many bytes. */
  hasMoreThan(bytes: number, after: number): boolean {
    let sum = 0;
    const sizes = this.#sql(
      'SELECT size FROM packs WHERE position > ? AND bytes IS NOT NULL ORDER BY position',
    ).pluck();
    for (const size of sizes.iterate(after) as IterableIterator<number>) {
      sum += size;
      if (sum > bytes) return true;
    }
    return false;
  }

  #item(position: number, kind: FeedItem['kind']): FeedItem | undefined {
    const row = this.#sql(FEED_SQL[kind]).get(position) as Row | undefined;
    if (row === undefined) return undefined;
    const gateway = String(row.gateway);
    const boot = String(row.boot);
    switch (kind) {
      case 'boot': {
        const origin = row.origin === null ? {} : { origin: String(row.origin) };
        return { kind, position, gateway, boot, started: Number(row.started), ...origin };
      }
      case 'channel':
        return { kind, position, gateway, definition: decodeDefinition(String(row.name), row.definition as Buffer) };
      case 'clock':
        return { kind, position, gateway, boot, reading: readingOf(row) };
      case 'pack':
        return { kind, position, bytes: row.bytes as Buffer };
      case 'given-up':
        return { kind, position, gateway, boot, gaps: this.#givenUpAt(position, String(row.thinned)) };
      case 'gap': {
        const { channel: _channel, boot: _boot, ...gap } = gapOf(row);
        return { kind, position, gateway, boot, channel: String(row.channel_name), gap };
      }
      case 'derivation': {
        const { channels: ids, version, made, spans, recipe } = derivationOf(row);
        const channels = ids.map((id) => this.#nameOf(id));
        return { kind, position, gateway, boot, channels, derivation: { version, made, spans, recipe } };
      }
    }
  }

  /** The blocks of a thinned pack, each with the name of its channel. */
  #givenUpAt(position: number, cause: string): Extract<FeedItem, { kind: 'given-up' }>['gaps'] {
    return this.#packAsGaps(position, cause).map(({ channel, boot: _boot, ...gap }) => {
      return { ...gap, channel: this.#nameOf(channel) };
    });
  }

  #nameOf(channel: number): string {
    return String(this.#sql('SELECT name FROM channels WHERE id = ?').pluck().get(channel));
  }
}

function bytesOf(item: FeedItem): number {
  if (item.kind === 'pack') return item.bytes.length;
  return item.kind === 'given-up' ? item.gaps.length * GIVEN_UP_BYTES : 0;
}
