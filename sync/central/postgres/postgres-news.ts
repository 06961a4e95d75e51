import type { StoredChannel } from '../../../gateway/query/telemetry.ts';
import type { FeedItem, Row } from '../../../gateway/store/block-rows.ts';
import { gapOf } from '../../../gateway/store/block-rows.ts';
import { decodeParts, passedBy } from '../../../gateway/store/merge/merged-parts.ts';
import type { NewsPage, NewsPlace, NewsSource } from '../../fanout/news.ts';
import { type NamedRows, NewsItems } from '../../fanout/news-items.ts';
import { PAGE_BYTES_MAX, PAGE_ITEMS_MAX, requirePlace } from '../../fanout/sqlite-news.ts';
import { Catalogue } from './catalogue.ts';
import type { PostgresDatabase, Statements } from './database.ts';
import { IS_CURRENT } from './postgres-gateway-feed.ts';
import { monthOf } from './schema.ts';
import type { PackPlace } from './series-index.ts';

/** A pack that is to be read. */
interface PackToRead extends PackPlace {
  readonly position: number;
  readonly size: number;
}

/** A pack as it was read. */
interface ReadPack {
  readonly bytes: Uint8Array;
  /** Of one that was merged. */
  readonly parts: Buffer | null;
}

/** The news of a central that keeps all in PostgreSQL, whichever of its processes commits them. */
export class PostgresNews implements NewsSource {
  readonly #db: PostgresDatabase;
  readonly #catalogue = new Catalogue();
  readonly #items: NewsItems;

  constructor(db: PostgresDatabase, onProblem: (text: string) => void) {
    this.#db = db;
    const { boots, channels, clock } = this.#catalogue;
    const rows: NamedRows = {
      boots: () => boots,
      channelsAfter: (position) => ({ channels: channels.slice(position), position: channels.length }),
      clockAfter: (position) => ({ rows: clock.slice(position), position: clock.length }),
      derivedBootsAfter: (position) => ({ boots: [], position }),
    };
    this.#items = new NewsItems(rows, onProblem);
  }

  end(gateway: string): Promise<NewsPlace> {
    return this.#db.read(async (statements) => {
      const { end } = await endOf(statements, gateway);
      return { ...end, month: monthOf(Date.now()) };
    });
  }

  async after(gateway: string, place: NewsPlace, wants?: (channel: string) => boolean): Promise<NewsPage> {
    const read = await this.#db.read(async (statements) => {
      const { number, end } = await endOf(statements, gateway);
      requirePlace(gateway, place, end);
      const nothing = { items: [], place, isEnd: true, parts: new Map<number, Buffer>() };
      if (number === undefined) return nothing;
      await this.#catalogue.learn(statements, number);
      return place.position === end.position ? nothing : this.#page(statements, number, place, end);
    });
    const { parts, ...page } = read;
    const passed = (position: number) => {
      const bytes = parts.get(position);
      return bytes && passedBy(decodeParts(bytes), place.position);
    };
    return { ...page, items: this.#items.of(gateway, read.items, wants, passed) };
  }

  channel(gateway: string, name: string): StoredChannel | undefined {
    return this.#items.channel(gateway, name);
  }

  async #page(statements: Statements, number: number, place: NewsPlace, end: NewsPlace) {
    const gateway = this.#catalogue.names.get(number) ?? '';
    const packs = await packsAfter(statements, number, place);
    const gaps = await this.#gapsAfter(statements, gateway, number, place.position);
    const boots = await bootsAfter(statements, gateway, number, place.position);
    const places = [...packs, ...gaps, ...boots].sort((a, b) => a.position - b.position);
    // Each list is whole up to its last only.
    const chosen = withinBytes(places.slice(0, PAGE_ITEMS_MAX));
    const isEnd = chosen.length === places.length && places.length < PAGE_ITEMS_MAX;
    const upTo = isEnd ? end.position : (chosen.at(-1)?.position ?? end.position);
    const wanted = packs.filter(({ position }) => position <= upTo);
    const read = await readPacks(statements, number, wanted);
    const items = chosen.map((each): FeedItem => {
      if ('kind' in each) return each;
      return { kind: 'pack', position: each.position, bytes: read.get(each.position)?.bytes ?? new Uint8Array(0) };
    });
    const month = wanted.at(-1)?.month ?? place.month;
    const next: NewsPlace = { feed: end.feed, position: upTo, ...(month === undefined ? {} : { month }) };
    const parts = new Map([...read].flatMap(([position, { parts }]) => (parts === null ? [] : [[position, parts]])));
    return { items, place: next, isEnd, parts };
  }

  async #gapsAfter(statements: Statements, gateway: string, number: number, after: number): Promise<FeedItem[]> {
    const { rows } = await statements.query(
      `SELECT gaps.*, boots.boot AS boot_name FROM gaps JOIN boots ON boots.gateway = gaps.gateway AND boots.id = gaps.boot
       WHERE gaps.gateway = $1 AND gaps.position > $2 ORDER BY gaps.position LIMIT $3`,
      [number, after, PAGE_ITEMS_MAX],
    );
    return (rows as Row[]).map((row) => {
      const { channel, boot: _, ...gap } = gapOf(row);
      const at = { position: Number(row.position), gateway, boot: String(row.boot_name) };
      return { kind: 'gap', ...at, channel: this.#catalogue.nameOf(channel), gap };
    });
  }
}

/** The number of a gateway, and where its news end; its feed is known by its first boot. */
async function endOf(
  statements: Statements,
  gateway: string,
): Promise<{ readonly number: number | undefined; readonly end: NewsPlace }> {
  const { rows } = await statements.query(
    `SELECT number, gateways.position, (SELECT boot FROM boots WHERE boots.gateway = number ORDER BY id LIMIT 1) AS feed
     FROM gateway_numbers JOIN gateways ON gateways.gateway = number WHERE name = $1`,
    [gateway],
  );
  const [row] = rows as Row[];
  if (row === undefined) return { number: undefined, end: { feed: '', position: 0 } };
  return {
    number: Number(row.number),
    end: { feed: row.feed === null ? '' : String(row.feed), position: Number(row.position) },
  };
}

/** Packs behind a place. A pack is in the month of its commit by the clock of whoever made it, perhaps one before the last. */
async function packsAfter(
  statements: Statements,
  number: number,
  { position, month }: NewsPlace,
): Promise<PackToRead[]> {
  const { rows: months } = await statements.query(
    'SELECT coalesce($2, (SELECT min(month) FROM packs WHERE gateway = $1), $3) AS first',
    [number, month === undefined ? null : month - 1, monthOf(Date.now())],
  );
  const first = Number((months as Row[])[0]?.first);
  const { rows } = await statements.query(
    `SELECT month.number AS month, found.position, found.merged, found.size FROM generate_series($2::int, $3::int) AS month (number)
     CROSS JOIN LATERAL (
       SELECT position, merged, octet_length(bytes) AS size FROM packs
       WHERE gateway = $1 AND packs.month = month.number AND position > $4 AND ${IS_CURRENT} ORDER BY position LIMIT $5) AS found
     ORDER BY found.position LIMIT $5`,
    [number, first, monthOf(Date.now()) + 1, position, PAGE_ITEMS_MAX],
  );
  return (rows as Row[]).map((row) => {
    const isMerged = Boolean(row.merged);
    return { month: Number(row.month), isMerged, position: Number(row.position), size: Number(row.size) };
  });
}

async function bootsAfter(statements: Statements, gateway: string, number: number, after: number): Promise<FeedItem[]> {
  const { rows } = await statements.query(
    `SELECT position, boot, started FROM boots WHERE gateway = $1 AND position > $2 AND origin IS NULL
     ORDER BY position LIMIT $3`,
    [number, after, PAGE_ITEMS_MAX],
  );
  return (rows as Row[]).map((row) => {
    const { position, boot, started } = row;
    return { kind: 'boot', position: Number(position), gateway, boot: String(boot), started: Number(started) };
  });
}

/** The first of these, with packs of PAGE_BYTES_MAX, or one that is larger. */
function withinBytes(places: readonly (PackToRead | FeedItem)[]): (PackToRead | FeedItem)[] {
  let bytes = 0;
  const over = places.findIndex((each, index) => {
    bytes += 'size' in each ? each.size : 0;
    return bytes > PAGE_BYTES_MAX && index > 0;
  });
  return over < 0 ? [...places] : places.slice(0, over);
}

/** By position. */
async function readPacks(
  statements: Statements,
  number: number,
  packs: readonly PackToRead[],
): Promise<Map<number, ReadPack>> {
  if (packs.length === 0) return new Map();
  const { rows } = await statements.query(
    `SELECT position, bytes, parts FROM packs JOIN unnest($2::int[], $3::bigint[], $4::boolean[]) AS wanted (in_month, at, is_merged)
       ON packs.month = in_month AND packs.position = at AND packs.merged = is_merged WHERE gateway = $1`,
    [
      number,
      packs.map(({ month }) => month),
      packs.map(({ position }) => position),
      packs.map(({ isMerged }) => isMerged),
    ],
  );
  return new Map((rows as (ReadPack & { position: number })[]).map((row) => [row.position, row]));
}
