import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import type { ReachOf } from '../../gateway/query/coverage/coverage.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { lockStore, storePaths } from '../../gateway/store/store-dir.ts';
import { claimStore, STORE_ID_KEY } from '../../gateway/store/store-role.ts';
import { storeDigests } from '../api/digest-call.ts';
import { feedIdOf } from '../api/pull-call.ts';
import { DestinationPolicy } from '../destinations/destination-policy.ts';
import { KeptPassedOver } from '../destinations/kept-passed-over.ts';
import { SqliteNews } from '../fanout/sqlite-news.ts';
import type { CentralStore } from './central-store.ts';
import { CentralTelemetry } from './central-telemetry.ts';
import { SqliteRetiring } from './retention/sqlite-retiring.ts';
import { sqliteMerger } from './sqlite-merger.ts';
import { SqliteStore } from './sqlite-store.ts';
import { TRIAL_BYTES } from './store-watch.ts';

/**
 * A central on one machine, which keeps all in SQLite.
 * @param dir made if it is not there
 * @param name kept from then on; undefined: the name it has, made up at the first start
 * @param onProblem told of what a person should know
 * @param reachOf how far gateways have been heard of
 * @param now UTC, milliseconds
 * @throws CaissonError `store-unusable`
 */
export function openSqliteCentral(
  dir: string,
  name: string | undefined,
  onProblem: (text: string) => void = () => {},
  reachOf: ReachOf = () => undefined,
  now: () => number = Date.now,
): CentralStore {
  const unlock = lockStore(dir);
  try {
    const path = storePaths(dir).blocks;
    const db = BlockDb.open(path);
    claimStore(db, 'central');
    const telemetry = new CentralTelemetry(dir, db, reachOf);
    const blocks = new SqliteStore(db, now);
    const policy = new DestinationPolicy({});
    const passedOver = new KeptPassedOver(db, policy, onProblem);
    return {
      name: nameOf(db, name),
      id: storeIdOf(db, path),
      blocks,
      telemetry,
      retiring: new SqliteRetiring(db, blocks.arrivals),
      merger: sqliteMerger(db, blocks.arrivals, onProblem, () => passedOver.borders),
      sweeper: undefined,
      news: new SqliteNews(db, onProblem),
      statements: { place: dir },
      files: { telemetry, feed: db, storeDir: dir, policy, passedOver: passedOver.book },
      gatewayFeeds: {
        id: async () => feedIdOf(db),
        feed: async (gateway, after, itemsMax, bytesMax) => db.feed(after, itemsMax, bytesMax, gateway),
        bootsUpTo: async (gateway, position) => db.bootsUpTo(position, gateway),
        digests: (request, scope) => storeDigests(db, request, scope),
      },
      totals: async () => db.totals,
      tryKeeping: async () => {
        // Taken back in one transaction nothing would be written.
        for (const trial of ['.'.repeat(TRIAL_BYTES), '']) db.transaction(() => db.keepMeta('trial', trial));
      },
      gatewayBytes: async () => db.gatewayBytes(),
      holdings: async (since) =>
        db.holdings(since).map(({ newest, ...sums }) => ({
          ...sums,
          newest: newest.length === 0 ? undefined : Math.max(...newest.map((each) => telemetry.utcOf(each))),
          elsewhere: undefined,
        })),
      announce: (block) => telemetry.announce(block),
      answers: undefined,
      tell: (batch) => telemetry.tell(batch),
      close() {
        telemetry.close();
        db.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Central's own name: the one it is given, or the one that it has, or one that is made up; kept. */
function nameOf(db: BlockDb, given: string | undefined): string {
  const kept = db.meta('gateway');
  if (kept !== undefined && (given === undefined || given === kept)) return kept;
  const name = given ?? `central-${randomBytes(4).toString('hex')}`;
  db.transaction(() => db.keepMeta('gateway', name));
  return name;
}

/**
 * Id of the store in the file at `path`. It belongs to that file: a copy, however it was made, may run beside what it was copied from, and under one id each would
 * speak for what only the other has.
 */
function storeIdOf(db: BlockDb, path: string): string {
  const file = String(statSync(path, { bigint: true }).ino);
  const [kept = '', keptFile] = (db.meta(STORE_ID_KEY) ?? '').split(' ');
  if (kept !== '' && keptFile === file) return kept;
  const id = randomBytes(8).toString('hex');
  db.transaction(() => db.keepMeta(STORE_ID_KEY, `${id} ${file}`));
  return id;
}
