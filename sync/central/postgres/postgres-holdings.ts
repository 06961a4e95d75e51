import type { Stamp } from '../../../gateway/channel.ts';
import type { NewestStored } from '../../../gateway/store/gateway-holdings.ts';
import type { HeldOfGateway } from '../held-of-gateway.ts';
import type { PostgresDatabase } from './database.ts';

/** One look-up a roster, and none of a row of which there may be millions. */
const NEWEST_SQL = `
  SELECT rosters.gateway, last.boot, last.stamp, last.time_max AS time FROM rosters
    JOIN LATERAL (SELECT boot, stamp, time_max FROM pack_index
      WHERE pack_index.gateway = rosters.gateway AND pack_index.roster = rosters.id AND level = 0
      ORDER BY ordinal DESC LIMIT 1) AS last ON true
    JOIN boots ON boots.gateway = rosters.gateway AND boots.id = last.boot WHERE boots.origin IS NULL`;

const SUMS_SQL = `
  SELECT gateway, name, holder, expires > now() AS "isHeld", COALESCE(gaps, 0)::int AS gaps,
      COALESCE(lost, 0)::double precision AS lost, COALESCE("lostSince", 0)::double precision AS "lostSince"
    FROM gateways JOIN gateway_numbers ON number = gateway
    LEFT JOIN (SELECT gateway, COUNT(*) AS gaps, SUM(count) AS lost,
        SUM(CASE WHEN time_to >= $1 THEN count ELSE 0 END) AS "lostSince"
      FROM gaps WHERE count > 0 GROUP BY gateway) AS sums USING (gateway)
    WHERE EXISTS (SELECT FROM boots WHERE boots.gateway = gateways.gateway) ORDER BY name`;

/** Of rows that intake keeps; no pack is looked at. */
const BYTES_SQL = `
  SELECT name, bytes::double precision AS bytes FROM gateways JOIN gateway_numbers ON number = gateway
    WHERE EXISTS (SELECT FROM boots WHERE boots.gateway = gateways.gateway)`;

interface NewestRow extends NewestStored {
  readonly gateway: number;
}

interface SumsRow {
  readonly gateway: number;
  readonly name: string;
  readonly holder: string;
  readonly isHeld: boolean;
  readonly gaps: number;
  readonly lost: number;
  readonly lostSince: number;
}

/** Bytes of the packs that have their samples, by gateway. @throws CaissonError `store-failed` */
export async function postgresGatewayBytes(db: PostgresDatabase): Promise<Map<string, number>> {
  const { rows } = await db.read((statements) => statements.query(BYTES_SQL));
  return new Map((rows as { name: string; bytes: number }[]).map(({ name, bytes }) => [name, bytes]));
}

/**
 * What all processes of a central have kept of each gateway.
 * @param since stored time, microseconds
 * @param utcOf UTC of stored times, microseconds
 * @param own name of this process as leases have it
 * @throws CaissonError `store-failed`
 */
export async function postgresHoldings(
  db: PostgresDatabase,
  since: number,
  utcOf: (stored: readonly NewestStored[]) => Promise<readonly number[]>,
  own: string,
): Promise<HeldOfGateway[]> {
  const { sums, newest } = await db.read(async (statements) => ({
    sums: (await statements.query(SUMS_SQL, [since])).rows as SumsRow[],
    newest: (await statements.query(NEWEST_SQL)).rows as (NewestRow & { stamp: Stamp })[],
  }));
  const times = await utcOf(newest);
  const latest = new Map<number, number>();
  for (const [index, { gateway }] of newest.entries()) {
    latest.set(gateway, Math.max(latest.get(gateway) ?? Number.NEGATIVE_INFINITY, times[index] ?? 0));
  }
  return sums.map(({ gateway, name, holder, isHeld, gaps, lost, lostSince }) => ({
    ...{ gateway: name, newest: latest.get(gateway), gaps, lost, lostSince },
    elsewhere: isHeld && holder !== '' && holder !== own ? holder : undefined,
  }));
}
