import { CaissonError } from '../../../gateway/errors.ts';
import type { PostgresDatabase, Statements } from './database.ts';

const SCHEMA_VERSION = '6';

/** Times that the tables are tried to be made: of two processes that begin at once, one finds the other's. */
const TRIES_MAX = 5;

/** Gives the store an id where it has none. */
const STORE_ID = `INSERT INTO caisson VALUES ('store id', md5(random()::text || clock_timestamp()::text))
  ON CONFLICT (key) DO NOTHING`;

/**
 * The schema. Every table but the two small ones begins its key with `gateway`, the column to distribute by; there are no
 * sequences, no foreign keys over tables, no extensions and no locks but those of rows, so that it can be spread over machines.
 *
 * `gateways` has one row a gateway or central that is pulled from: who holds it (`holder`, `expires`, and `epoch`, which fences off
 * whoever held it before), how far its feed was taken over, and the last `position` given out. Whatever is written of a gateway is written in a
 * transaction that updates its row and names the epoch.
 *
 * `answers` has which boot of a gateway answered each process last, and when that was asked or later, for as long as that may tell of two boxes
 * (`postgres-answers.ts`); nothing else depends on it.
 *
 * What came to be known of a gateway has its `position` from one counter. Packs of one roster form a series; a row of `pack_index`
 * says of every block of a pack (level 0), or of FAN_OUT rows of the level below, what queries need (`gateway/store/index-entries.ts`).
 *
 * What came ahead of its turn stands in `ahead` and `outlined` of the gateway's row, and in `outlines`, which give way to samples.
 *
 * Packs, which are nearly all of the bytes, are partitioned by the month in which they came. The index stays when they go. Those of a roster
 * go in the order of their ordinals: the first `retired` ones are gone for every reader since `retired_at`, and the bytes of the first `swept` ones are.
 * `retired_packs` tells of each where it stood in the feed; `day` of a row of the index is the day of UTC on which its pack came.
 *
 * Nothing is replaced in its place, since readers know rows by heart. Packs that were merged are in a roster of the same channels beside the one that takes what comes, which is
 * its `source`: of that one the first `moved` packs are there, those that nothing was merged with as they were. The first `looked` ones were looked at. A merged pack has
 * the position of the last of its sources and `parts` tell of all (`gateway/store/merge/merged-parts.ts`). `moved_packs` has those whose rows of old, and bytes where
 * they were `merged`, are still there for who learned of them before.
 */
const TABLES = `
CREATE TABLE IF NOT EXISTS caisson (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS gateway_numbers (name text PRIMARY KEY, number bigint NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS gateways (
  gateway bigint PRIMARY KEY, holder text NOT NULL, epoch bigint NOT NULL, expires timestamptz NOT NULL, feed text NOT NULL,
  after bigint NOT NULL, boots text NOT NULL, holes text NOT NULL, ahead text NOT NULL, outlined text NOT NULL, position bigint NOT NULL, blocks bigint NOT NULL, bytes bigint NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
  gateway bigint NOT NULL, holder text NOT NULL, boot text NOT NULL, asked timestamptz NOT NULL, PRIMARY KEY (gateway, holder));
CREATE TABLE IF NOT EXISTS boots (
  gateway bigint NOT NULL, id bigint NOT NULL, position bigint NOT NULL, boot text NOT NULL, started double precision NOT NULL,
  origin bigint, PRIMARY KEY (gateway, id));
CREATE TABLE IF NOT EXISTS channels (
  gateway bigint NOT NULL, id bigint NOT NULL, position bigint NOT NULL, name text NOT NULL, definition bytea NOT NULL,
  PRIMARY KEY (gateway, id));
CREATE TABLE IF NOT EXISTS clock (
  gateway bigint NOT NULL, position bigint NOT NULL, boot bigint NOT NULL, "time" double precision NOT NULL,
  "offset" double precision NOT NULL, error double precision NOT NULL, source text NOT NULL, PRIMARY KEY (gateway, position));
CREATE TABLE IF NOT EXISTS derivations (
  gateway bigint NOT NULL, position bigint NOT NULL, boot bigint NOT NULL, version bigint NOT NULL, made double precision NOT NULL,
  arrival bytea NOT NULL, device bytea NOT NULL, channels bytea NOT NULL, recipe text NOT NULL, PRIMARY KEY (gateway, position));
CREATE TABLE IF NOT EXISTS rosters (
  gateway bigint NOT NULL, id bigint NOT NULL, position bigint NOT NULL, packs bigint NOT NULL, channels bytea NOT NULL,
  retired bigint NOT NULL DEFAULT 0, swept bigint NOT NULL DEFAULT 0, retired_at timestamptz, source bigint,
  moved bigint NOT NULL DEFAULT 0, looked bigint NOT NULL DEFAULT 0, PRIMARY KEY (gateway, id));
CREATE TABLE IF NOT EXISTS retired_packs (
  gateway bigint NOT NULL, position bigint NOT NULL, roster bigint NOT NULL, ordinal bigint NOT NULL, PRIMARY KEY (gateway, position));
CREATE TABLE IF NOT EXISTS moved_packs (
  gateway bigint NOT NULL, position bigint NOT NULL, roster bigint NOT NULL, ordinal bigint NOT NULL, month int NOT NULL,
  merged boolean NOT NULL, moved_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (gateway, position));
CREATE TABLE IF NOT EXISTS packs (
  gateway bigint NOT NULL, month int NOT NULL, position bigint NOT NULL, merged boolean NOT NULL, bytes bytea NOT NULL, parts bytea,
  PRIMARY KEY (gateway, month, position, merged)) PARTITION BY RANGE (month);
CREATE TABLE IF NOT EXISTS pack_index (
  gateway bigint NOT NULL, roster bigint NOT NULL, level int NOT NULL, ordinal bigint NOT NULL, position_first bigint NOT NULL,
  position_last bigint NOT NULL, boot bigint, stamp text NOT NULL, time_min double precision NOT NULL,
  time_max double precision NOT NULL, month int NOT NULL, day int NOT NULL, size int NOT NULL, class text NOT NULL, merged boolean NOT NULL, entries bytea NOT NULL,
  PRIMARY KEY (gateway, roster, level, ordinal));
CREATE TABLE IF NOT EXISTS gaps (
  gateway bigint NOT NULL, channel bigint NOT NULL, boot bigint NOT NULL, first_sequence bigint NOT NULL, position bigint NOT NULL,
  count bigint NOT NULL, time_from double precision NOT NULL, time_to double precision NOT NULL, cause text NOT NULL,
  PRIMARY KEY (gateway, channel, boot, first_sequence));
CREATE TABLE IF NOT EXISTS outlines (
  gateway bigint NOT NULL, channel bigint NOT NULL, boot bigint NOT NULL, first_sequence bigint NOT NULL,
  end_sequence bigint NOT NULL, stamp text NOT NULL, time_min double precision NOT NULL, time_max double precision NOT NULL,
  nodes bytea NOT NULL, PRIMARY KEY (gateway, channel, boot, first_sequence));
CREATE TABLE IF NOT EXISTS conflicts (
  gateway bigint NOT NULL, position bigint NOT NULL, channel bigint NOT NULL, boot bigint NOT NULL, first_sequence bigint NOT NULL,
  met double precision NOT NULL, digest bytea NOT NULL, bytes bytea NOT NULL,
  PRIMARY KEY (gateway, channel, boot, first_sequence, digest));
CREATE INDEX IF NOT EXISTS boots_position ON boots (gateway, position);
CREATE INDEX IF NOT EXISTS channels_position ON channels (gateway, position);
CREATE INDEX IF NOT EXISTS rosters_position ON rosters (gateway, position);
ALTER TABLE packs ALTER COLUMN bytes SET STORAGE EXTERNAL;
INSERT INTO caisson VALUES ('schema version', '${SCHEMA_VERSION}') ON CONFLICT (key) DO NOTHING;
${STORE_ID};
`;

/** Makes the tables where they are not there. @throws CaissonError `store-unusable`, `store-failed` */
export async function openSchema(db: PostgresDatabase): Promise<void> {
  requireVersion(
    await retried(() =>
      db.change(async (statements) => {
        if ((await versionOf(statements)) === undefined) await statements.query(TABLES);
        return versionOf(statements);
      }),
    ),
  );
}

/**
 * Makes a database that of a central of a name, which gateways wait for; it stays so. Returns the id of the store, the same for all processes.
 * @throws CaissonError `store-unusable` where it is another's, `store-failed`
 */
export async function claimDatabase(db: PostgresDatabase, name: string): Promise<string> {
  const { name: kept, 'store id': id = '' } = await db.change(async (statements) => {
    await statements.query("INSERT INTO caisson VALUES ('name', $1) ON CONFLICT (key) DO NOTHING", [name]);
    await statements.query(STORE_ID);
    const { rows } = await statements.query("SELECT key, value FROM caisson WHERE key IN ('name', 'store id')");
    return Object.fromEntries((rows as { key: string; value: string }[]).map(({ key, value }) => [key, value]));
  });
  if (kept === name) return id;
  throw new CaissonError('store-unusable', `the database belongs to central ${kept}, expected that of ${name}`, {
    hint: `all processes of a central have its name: give --name ${kept}, or ${name} a database of its own`,
  });
}

/** @throws CaissonError `store-unusable` where the tables are not there, `store-failed` */
export async function requireSchema(db: PostgresDatabase): Promise<void> {
  requireVersion(await db.read(versionOf));
}

/** Number of the month in which `time` (UTC, milliseconds) lies. */
export function monthOf(time: number): number {
  const date = new Date(time);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** Makes the partition of a month, and of the one after it, where they are not there. */
export async function openMonth(db: PostgresDatabase, month: number): Promise<void> {
  await retried(() =>
    db.change(async (statements) => {
      for (const each of [month, month + 1]) {
        await statements.query(
          `CREATE TABLE IF NOT EXISTS ${partitionOf(each)} PARTITION OF packs FOR VALUES FROM (${each}) TO (${each + 1})`,
        );
      }
    }),
  );
}

/** Months whose packs have a table, ascending. */
export async function monthsOf(statements: Statements): Promise<number[]> {
  const { rows } = await statements.query(
    "SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass('packs')",
  );
  const months = (rows as { name: string }[]).flatMap(({ name }) => {
    const [, year, month] = /^packs_(\d+)_(\d+)$/.exec(name) ?? [];
    return year === undefined ? [] : [Number(year) * 12 + Number(month) - 1];
  });
  return months.sort((a, b) => a - b);
}

/** Name of the table with the packs of a month. */
export function partitionOf(month: number): string {
  return `packs_${Math.floor(month / 12)}_${String((month % 12) + 1).padStart(2, '0')}`;
}

/** Undefined where there are no tables. */
async function versionOf(statements: Statements): Promise<string | undefined> {
  const { rows: known } = await statements.query("SELECT to_regclass('caisson') IS NOT NULL AS made");
  if (known[0]?.made !== true) return undefined;
  const { rows } = await statements.query("SELECT value FROM caisson WHERE key = 'schema version'");
  return String(rows[0]?.value);
}

function requireVersion(version: string | undefined): void {
  if (version === SCHEMA_VERSION) return;
  const [found, hint] =
    version === undefined
      ? ['holds no blocks', 'a central with --store makes its tables when it first runs']
      : [`has schema version ${version}, expected ${SCHEMA_VERSION}`, 'it was written by another version of Caisson'];
  throw new CaissonError('store-unusable', `the database ${found}`, { hint });
}

/** Two processes may make the same table at the same time, of which one fails. */
async function retried<Result>(make: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await make();
    } catch (error) {
      if (tries >= TRIES_MAX) throw error;
    }
  }
}
