import type { Buffer } from 'node:buffer';
import { derivationOf, type FeedItem, gapOf, type Row, readingOf } from '../../../gateway/store/block-rows.ts';
import { decodeDefinition } from '../../../gateway/store/definition-bytes.ts';
import type { LostGatewayFeed } from '../../api/pull-gateway-call.ts';
import type { PostgresDatabase, Statements } from './database.ts';

/** Where items come from, with their sizes: those of packs bound an answer. */
const KEYS_SQL = `SELECT position, 'boots' AS kind, 0 AS size FROM boots WHERE gateway = $1 AND position > $2
  UNION ALL SELECT position, 'channels', 0 FROM channels WHERE gateway = $1 AND position > $2
  UNION ALL SELECT position, 'clock', 0 FROM clock WHERE gateway = $1 AND position > $2
  UNION ALL SELECT position, 'packs', octet_length(bytes) FROM packs WHERE gateway = $1 AND position > $2
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
export class PostgresGatewayFeed implements LostGatewayFeed {
  readonly #db: PostgresDatabase;

  constructor(db: PostgresDatabase) {
    this.#db = db;
  }

  id(): Promise<string> {
    return this.#db.read(async (statements) => {
      const { rows } = await statements.query("SELECT value FROM caisson WHERE key = 'store id'");
      return String((rows as Row[])[0]?.value ?? '');
    });
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
  const rows = (await statements.query(sql, [number, positions])).rows as Row[];
  const names = table === 'derivations' ? await channelNames(statements, number) : new Map<number, string>();
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
