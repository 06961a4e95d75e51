import type { Buffer } from 'node:buffer';
import { derivationOf, type FeedItem, gapOf, type Row, readingOf } from '../../../gateway/store/block-rows.ts';
import { decodeDefinition } from '../../../gateway/store/definition-bytes.ts';
import { type BootPlace, PLACE_BOOTS_MAX } from '../../../gateway/store/feed.ts';
import { decodeEntries } from '../../../gateway/store/index-entries.ts';
import { decodeRoster } from '../../../gateway/store/roster.ts';
import { StoreDigests } from '../../api/digest-call.ts';
import type { GetDigestsRequestMessage } from '../../api/digest-messages.ts';
import type { GatewayFeeds } from '../../api/pull-gateway-call.ts';
import type { DestinationScope } from '../../destinations/destination-policy.ts';
import { RETIRED } from '../retention/retiring-store.ts';
import type { PostgresDatabase, Statements } from './database.ts';
import { PostgresBlocks } from './postgres-blocks.ts';

/** Ranges whose samples are fetched together: round trips that many share. */
const RANGES_AT_ONCE = 16;

/** Of the bytes at one position those that others were not made of. */
export const IS_CURRENT = `(packs.merged OR NOT EXISTS (SELECT FROM moved_packs
    WHERE moved_packs.gateway = packs.gateway AND moved_packs.position = packs.position AND moved_packs.merged))`;

/** Where items come from, with their sizes: those of packs bound an answer. */
const KEYS_SQL = `SELECT position, 'boots' AS kind, 0 AS size FROM boots WHERE gateway = $1 AND position > $2
  UNION ALL SELECT position, 'channels', 0 FROM channels WHERE gateway = $1 AND position > $2
  UNION ALL SELECT position, 'clock', 0 FROM clock WHERE gateway = $1 AND position > $2
  UNION ALL SELECT position, 'packs', octet_length(bytes) FROM packs WHERE gateway = $1 AND position > $2
    AND ${IS_CURRENT}
    AND NOT EXISTS (SELECT FROM retired_packs AS gone WHERE gone.gateway = packs.gateway AND gone.position = packs.position)
  UNION ALL SELECT position, 'retired_packs', 0 FROM retired_packs WHERE gateway = $1 AND position > $2
  UNION ALL SELECT position, 'gaps', 0 FROM gaps WHERE gateway = $1 AND position > $2
  UNION ALL SELECT position, 'derivations', 0 FROM derivations WHERE gateway = $1 AND position > $2
  ORDER BY position LIMIT $3`;

const ROWS_SQL = {
  boots: `SELECT boots.*, origins.boot AS origin_name FROM boots
    LEFT JOIN boots AS origins ON origins.gateway = boots.gateway AND origins.id = boots.origin`,
  channels: 'SELECT channels.* FROM channels',
  clock: `SELECT clock.*, boots.boot AS boot_name FROM clock
    JOIN boots ON boots.gateway = clock.gateway AND boots.id = clock.boot`,
  packs: 'SELECT packs.position, bytes FROM packs',
  retired_packs: `SELECT retired_packs.position, pack_index.boot, boots.boot AS boot_name, entries, rosters.channels FROM retired_packs
    JOIN pack_index ON pack_index.gateway = retired_packs.gateway AND pack_index.roster = retired_packs.roster
      AND pack_index.level = 0 AND pack_index.ordinal = retired_packs.ordinal
    JOIN rosters ON rosters.gateway = retired_packs.gateway AND rosters.id = retired_packs.roster
    JOIN boots ON boots.gateway = retired_packs.gateway AND boots.id = pack_index.boot`,
  gaps: `SELECT gaps.*, boots.boot AS boot_name, channels.name AS channel_name FROM gaps
    JOIN boots ON boots.gateway = gaps.gateway AND boots.id = gaps.boot
    JOIN channels ON channels.gateway = gaps.gateway AND channels.id = gaps.channel`,
  derivations: `SELECT derivations.*, boots.boot AS boot_name, boots.origin FROM derivations
    JOIN boots ON boots.gateway = derivations.gateway AND boots.id = derivations.boot`,
} as const;

type Table = keyof typeof ROWS_SQL;

interface Key {
  readonly position: number;
  readonly kind: Table;
  readonly size: number;
}

/** What a central over PostgreSQL has of one gateway, in the order in which any of its processes kept it. */
export class PostgresGatewayFeed implements GatewayFeeds {
  readonly #db: PostgresDatabase;
  readonly #blocks: PostgresBlocks;

  constructor(db: PostgresDatabase) {
    this.#db = db;
    this.#blocks = new PostgresBlocks(db);
  }

  id(): Promise<string> {
    return this.#db.read(async (statements) => {
      const { rows } = await statements.query("SELECT value FROM caisson WHERE key = 'store id'");
      return String((rows as Row[])[0]?.value ?? '');
    });
  }

  async bootsUpTo(gateway: string, position: number): Promise<readonly BootPlace[]> {
    const { rows } = await this.#db.read((statements) =>
      statements.query(
        `SELECT boot, position FROM boots JOIN gateway_numbers ON number = gateway
         WHERE name = $1 AND position <= $2 ORDER BY position DESC LIMIT $3`,
        [gateway, position, PLACE_BOOTS_MAX],
      ),
    );
    return (rows as BootPlace[]).reverse();
  }

  async *digests(
    { gateway, ranges }: GetDigestsRequestMessage,
    scope: Pick<DestinationScope, 'allows'> | undefined,
  ): AsyncGenerator<readonly Uint8Array[]> {
    for (let at = 0; at < ranges.length; at += RANGES_AT_ONCE) {
      const some = ranges.slice(at, at + RANGES_AT_ONCE);
      yield await this.#blocks.ask(() => {
        const digests = new StoreDigests(this.#blocks, gateway, scope);
        return some.map((range) => digests.of(range) ?? new Uint8Array(0));
      });
    }
  }

  feed(gateway: string, after: number, itemsMax: number, bytesMax: number): Promise<FeedItem[]> {
    return this.#db.read(async (statements) => {
      const { rows: numbers } = await statements.query('SELECT number FROM gateway_numbers WHERE name = $1', [gateway]);
      const number = (numbers as { number: number }[])[0]?.number;
      if (number === undefined) return [];
      const { rows } = await statements.query(KEYS_SQL, [number, after, itemsMax]);
      const keys = upTo(rows as Key[], bytesMax);
      const items: FeedItem[] = [];
      for (const table of Object.keys(ROWS_SQL) as Table[]) {
        const positions = keys.filter(({ kind }) => kind === table).map(({ position }) => position);
        if (positions.length > 0) items.push(...(await read(statements, { gateway, number }, table, positions)));
      }
      return items.sort((a, b) => a.position - b.position);
    });
  }
}

/** As many as have `bytesMax`, and one. */
function upTo(keys: readonly Key[], bytesMax: number): readonly Key[] {
  let bytes = 0;
  const end = keys.findIndex(({ size }, i) => {
    bytes += size;
    return bytes > bytesMax && i > 0;
  });
  return end < 0 ? keys : keys.slice(0, end);
}

async function read(
  statements: Statements,
  { gateway, number }: { readonly gateway: string; readonly number: number },
  table: Table,
  positions: readonly number[],
): Promise<FeedItem[]> {
  const sql = `${ROWS_SQL[table]} WHERE ${table}.gateway = $1 AND ${table}.position = ANY ($2::bigint[])`;
  const current = table === 'packs' ? `${sql} AND ${IS_CURRENT}` : sql;
  const rows = (await statements.query(current, [number, positions])).rows as Row[];
  const names =
    table === 'derivations' || table === 'retired_packs'
      ? await channelNames(statements, number)
      : new Map<number, string>();
  return rows.map((row) => itemOf(gateway, table, row, names));
}

async function channelNames(statements: Statements, number: number): Promise<ReadonlyMap<number, string>> {
  const { rows } = await statements.query('SELECT id, name FROM channels WHERE gateway = $1', [number]);
  return new Map((rows as Row[]).map(({ id, name }) => [Number(id), String(name)]));
}

function itemOf(gateway: string, table: Table, row: Row, names: ReadonlyMap<number, string>): FeedItem {
  const position = Number(row.position);
  const boot = String(row.boot_name);
  switch (table) {
    case 'boots': {
      const origin = row.origin_name === null ? {} : { origin: String(row.origin_name) };
      return { kind: 'boot', position, gateway, boot: String(row.boot), started: Number(row.started), ...origin };
    }
    case 'channels': {
      const definition = decodeDefinition(String(row.name), row.definition as Buffer);
      return { kind: 'channel', position, gateway, definition };
    }
    case 'clock':
      return { kind: 'clock', position, gateway, boot, reading: readingOf(row) };
    case 'packs':
      return { kind: 'pack', position, bytes: row.bytes as Buffer };
    case 'retired_packs': {
      const channels = decodeRoster(row.channels as Buffer);
      const gaps = decodeEntries(row.entries as Buffer, channels.length).flatMap((entry, member) => {
        if (entry === undefined) return [];
        const { firstSequence, count, timeMin: from, timeMax: to } = entry;
        return [{ channel: names.get(channels[member] ?? 0) ?? '', firstSequence, count, from, to, cause: RETIRED }];
      });
      return { kind: 'given-up', position, gateway, boot, gaps };
    }
    case 'gaps': {
      const { channel: _channel, boot: _boot, ...gap } = gapOf(row);
      return { kind: 'gap', position, gateway, boot, channel: String(row.channel_name), gap };
    }
    case 'derivations': {
      const { channels, version, made, spans, recipe } = derivationOf(row);
      const derivation = { version, made, spans, recipe };
      return {
        kind: 'derivation',
        position,
        gateway,
        boot,
        channels: channels.map((id) => names.get(id) ?? ''),
        derivation,
      };
    }
  }
}
