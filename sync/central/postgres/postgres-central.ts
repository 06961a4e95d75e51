import { CaissonError, messageOf } from '../../../gateway/errors.ts';
import type { ReachOf } from '../../../gateway/query/coverage/coverage.ts';
import type { CentralStore } from '../central-store.ts';
import { PostgresDatabase } from './database.ts';
import { LEASE_MS } from './leases.ts';
import { PostgresAnswers } from './postgres-answers.ts';
import { PostgresGatewayFeed } from './postgres-gateway-feed.ts';
import { postgresGatewayBytes, postgresHoldings } from './postgres-holdings.ts';
import { PostgresMerger } from './postgres-merger.ts';
import { PostgresNews } from './postgres-news.ts';
import { PostgresRetiring } from './postgres-retiring.ts';
import { PostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
import { PostgresTelemetry } from './postgres-telemetry.ts';
import { postgresTotals, tryPostgres } from './postgres-trial.ts';
import { claimDatabase, openSchema } from './schema.ts';
import { databasePlace } from './sql-place.ts';

export interface PostgresCentralOptions extends Pick<PostgresStoreOptions, 'leaseMs' | 'now'> {
  /** `postgres://user@host:port/database` */
  readonly url: string;
  /** Its processes share the name, since gateways wait for what that central has, whichever of them has it. */
  readonly name: string | undefined;
  /** Told of what a person should know. */
  readonly onProblem: (text: string) => void;
  /** How far gateways have been heard of. */
  readonly reachOf?: ReachOf;
  /** From when packs are retired, or merged, until their bytes go, milliseconds; less where a test is in a hurry. */
  readonly graceMs?: number;
  /** How often its processes tell each other which boots answer, milliseconds; less where a test is in a hurry. */
  readonly answersMs?: number;
}

/**
 * One process of a central that keeps all in PostgreSQL, where any number of them may.
 * @throws CaissonError `config-invalid`, `store-unusable`, `store-failed`
 */
export async function openPostgresCentral(options: PostgresCentralOptions): Promise<CentralStore> {
  const { url, name, leaseMs, now, graceMs, answersMs, onProblem, reachOf } = options;
  if (name === undefined) {
    throw new CaissonError('config-invalid', 'a central over PostgreSQL has no name', {
      hint: 'give all of its processes the same with --name',
    });
  }
  const db = new PostgresDatabase(url);
  const blocks = new PostgresStore(db, {
    name,
    ...(leaseMs !== undefined && { leaseMs }),
    ...(now !== undefined && { now }),
  });
  let id: string;
  try {
    await openSchema(db);
    id = await claimDatabase(db, name);
    await blocks.prepare();
  } catch (error) {
    await blocks.close();
    await db.close();
    throw error;
  }
  // By a connection of its own: whether it answers is told without waiting for other work.
  const watched = new PostgresDatabase(url);
  const telemetry = new PostgresTelemetry(db, onProblem, reachOf);
  const answers = new PostgresAnswers({
    db,
    holder: blocks.holder,
    ...(answersMs !== undefined && { everyMs: answersMs }),
  });
  const merging = { db, store: blocks, leaseMs: leaseMs ?? LEASE_MS, graceMs, now: now ?? Date.now, onProblem };
  return {
    ...{ name, id, blocks, telemetry, answers, news: new PostgresNews(db, onProblem) },
    files: undefined,
    merger: new PostgresMerger({ ...merging, onlySweeps: false }),
    sweeper: new PostgresMerger({ ...merging, onlySweeps: true }),
    statements: databasePlace(url),
    retiring: new PostgresRetiring(db, blocks, graceMs),
    gatewayFeeds: new PostgresGatewayFeed(db),
    totals: () => postgresTotals(watched, blocks.holder),
    tryKeeping: () => tryPostgres(watched),
    gatewayBytes: () => postgresGatewayBytes(db),
    holdings: (since) => postgresHoldings(db, since, (stored) => telemetry.utcOf(stored), blocks.holder),
    announce: (block) => {
      telemetry.announce(block).catch((error) => onProblem(`who follows was not told of a block: ${messageOf(error)}`));
    },
    tell: (batch) => telemetry.tell(batch),
    async close() {
      telemetry.close();
      await answers.stop();
      await blocks.close();
      await watched.close();
      await db.close();
    },
  };
}
