import type { Statement } from 'better-sqlite3';
import type { Stamp } from '../channel.ts';

/** Time of the newest of some samples of one boot, as stored. */
export interface NewestStored {
  readonly boot: number;
  readonly stamp: Stamp;
  /** Microseconds. */
  readonly time: number;
}

/** What a store holds of one gateway, in sums. */
export interface GatewayHolding {
  readonly gateway: string;
  /** Of the last pack of each roster, and of what was kept last: one of them is the newest. */
  readonly newest: readonly NewestStored[];
  /** Stretches that are missing, their samples, and those whose loss ended at `since` or later. */
  readonly gaps: number;
  readonly lost: number;
  readonly lostSince: number;
}

/** One look-up a roster, and none of a row of which there may be millions. */
const NEWEST_SQL = `
  SELECT boots.gateway, boots.id AS boot, last.stamp, last.time_max AS time
    FROM rosters JOIN pack_index AS last
      ON last.roster = rosters.id AND last.ordinal = (SELECT MAX(ordinal) FROM pack_index WHERE roster = rosters.id)
    JOIN boots ON boots.id = last.boot WHERE boots.origin IS NULL
  UNION ALL
  SELECT boots.gateway, boots.id, recent_index.stamp, MAX(recent_index.time_max)
    FROM recent_index JOIN boots ON boots.id = recent_index.boot WHERE boots.origin IS NULL
    GROUP BY recent_index.boot, recent_index.stamp`;

const GAPS_SQL = `
  SELECT boots.gateway, COUNT(*) AS gaps, SUM(count) AS lost, SUM(CASE WHEN time_to >= ? THEN count ELSE 0 END) AS lostSince
    FROM gaps JOIN boots ON boots.id = gaps.boot WHERE gaps.count > 0 GROUP BY boots.gateway`;

/** Before the names of gateways, where their bytes are kept: a row each, so that a commit writes those that it changed. */
export const GATEWAY_BYTES_KEY = 'bytes of ';
const BYTES_KEYS_END = 'bytes of!';

/** Bytes of the packs that have their samples, by gateway. @param sql of the large database */
export function gatewayBytes(sql: (text: string) => Statement): Map<string, number> {
  const rows = sql('SELECT key, value FROM meta WHERE key >= ? AND key < ?')
    .raw()
    .all(GATEWAY_BYTES_KEY, BYTES_KEYS_END);
  return new Map(
    (rows as [string, string][]).map(([key, bytes]) => [key.slice(GATEWAY_BYTES_KEY.length), Number(bytes)]),
  );
}

/** What a store holds of each of its gateways. @param since stored time, microseconds */
export function gatewayHoldings(sql: (text: string) => Statement, since: number): GatewayHolding[] {
  const newest = new Map<string, NewestStored[]>();
  for (const gateway of sql('SELECT DISTINCT gateway FROM boots').pluck().all() as string[]) newest.set(gateway, []);
  for (const { gateway, ...row } of sql(NEWEST_SQL).all() as (NewestStored & { gateway: string })[]) {
    newest.get(gateway)?.push(row);
  }
  const sums = new Map<string, Pick<GatewayHolding, 'gaps' | 'lost' | 'lostSince'>>();
  for (const { gateway, gaps, lost, lostSince } of sql(GAPS_SQL).all(since) as GatewayHolding[]) {
    sums.set(gateway, { gaps, lost, lostSince });
  }
  return [...newest].map(([gateway, times]) => ({
    gateway,
    newest: times,
    ...(sums.get(gateway) ?? { gaps: 0, lost: 0, lostSince: 0 }),
  }));
}
