import { CaissonError } from '../errors.ts';
import { damageOf } from './damage.ts';
import type { Database } from './database.ts';
import { isDiskTrouble } from './disk-room.ts';
import { GIVEN_UP_SCHEMA } from './given-up.ts';
import { IMPORTS_SCHEMA } from './kept-import.ts';
import { MERGED_SCHEMA } from './merge/merged-rows.ts';
import { OUTLINES_SCHEMA } from './outline/kept-outlines.ts';

const SCHEMA_VERSION = 7;

/** Rows under one row of the pyramid's next level. */
export const FAN_OUT = 16;

/**
 * The schema. Every row of `channels`, `boots`, `clock`, `packs`, `gaps` and `derivations` has its `position` from one counter, so that
 * one number is a cursor over everything that a central must know, in the order in which it came to be.
 *
 * A definition that changes is told of again, at a position of its own. `first_position` is where it was told of first: who follows from the
 * beginning is told there as well, so that no block comes before the definition of its channel.
 *
 * There is no index of names: whoever keeps channels knows their ids. Nor one of which rosters a channel is in, which the
 * rosters tell (`pack-index.ts`).
 *
 * Packs of one roster (`roster.ts`) form a series with ordinals 0, 1, 2 ... A row of `pack_index` says of every block of a
 * pack what queries need before they read it (`index-entries.ts`). An envelope of level n covers FAN_OUT^n packs of a
 * roster; its `boot` is null where they are not all of one boot and stamp. There is no index by time and none by sequence
 * number: ranges descend the pyramid, so that a pack costs one row.
 *
 * Packs that were merged (`merge/`) leave the last one's position and ordinal to the pack that stands in their place, so that
 * ordinals may be missing in a series. An envelope is the sum of what has ordinals under it, however much that is.
 *
 * A row of the index comes into `recent_index`, where rows of all rosters stand in the order in which they were kept, and
 * gets to its place in `pack_index` together with others of its roster: a page is then written once for many packs and not
 * once a pack (`row-placement.ts`). Whoever reads takes the recent rows into account (`recent-rows.ts`).
 *
 * A boot with an `origin` holds samples that were derived from those of another. They are shown once their row of
 * `derivations` is there, which comes after them (`derivation.ts`).
 *
 * `kept` is the greatest box time stored when the pack was. `bytes` is null once a pack is thinned: its row in the index
 * stays, with the cause in `thinned`, and `given_up` adds up what cannot be read any more.
 */
const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE boots (
  id INTEGER PRIMARY KEY, position INTEGER NOT NULL UNIQUE, gateway TEXT NOT NULL, boot TEXT NOT NULL, started REAL NOT NULL, ended REAL,
  origin INTEGER REFERENCES boots, UNIQUE (gateway, boot)) STRICT;
CREATE TABLE channels (
  id INTEGER PRIMARY KEY, position INTEGER NOT NULL UNIQUE, first_position INTEGER NOT NULL UNIQUE, gateway TEXT NOT NULL,
  name TEXT NOT NULL, definition BLOB NOT NULL) STRICT;
CREATE TABLE clock (
  position INTEGER PRIMARY KEY, boot INTEGER NOT NULL REFERENCES boots, time REAL NOT NULL, offset REAL NOT NULL,
  error REAL NOT NULL, source TEXT NOT NULL) STRICT;
CREATE TABLE rosters (id INTEGER PRIMARY KEY, channels BLOB NOT NULL) STRICT;
CREATE TABLE packs (
  position INTEGER PRIMARY KEY, roster INTEGER NOT NULL, ordinal INTEGER NOT NULL, boot INTEGER NOT NULL, class TEXT NOT NULL,
  kept INTEGER NOT NULL, size INTEGER NOT NULL, bytes BLOB) STRICT;
CREATE TABLE pack_index (
  roster INTEGER NOT NULL, ordinal INTEGER NOT NULL, position INTEGER NOT NULL, boot INTEGER NOT NULL, stamp TEXT NOT NULL,
  time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, thinned TEXT, entries BLOB NOT NULL,
  PRIMARY KEY (roster, ordinal)) STRICT, WITHOUT ROWID;
CREATE TABLE recent_index (
  position INTEGER PRIMARY KEY, roster INTEGER NOT NULL, ordinal INTEGER NOT NULL, boot INTEGER NOT NULL, stamp TEXT NOT NULL,
  time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, entries BLOB NOT NULL) STRICT;
CREATE TABLE envelopes (
  roster INTEGER NOT NULL, level INTEGER NOT NULL, ordinal INTEGER NOT NULL, position_first INTEGER NOT NULL,
  position_last INTEGER NOT NULL, boot INTEGER, stamp TEXT NOT NULL, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL,
  entries BLOB NOT NULL, PRIMARY KEY (roster, level, ordinal)) STRICT, WITHOUT ROWID;
CREATE TABLE gaps (
  position INTEGER PRIMARY KEY, channel INTEGER NOT NULL, boot INTEGER NOT NULL, first_sequence INTEGER NOT NULL,
  count INTEGER NOT NULL, time_from INTEGER NOT NULL, time_to INTEGER NOT NULL, cause TEXT NOT NULL,
  UNIQUE (channel, boot, first_sequence)) STRICT;
CREATE TABLE derivations (
  position INTEGER PRIMARY KEY, boot INTEGER NOT NULL REFERENCES boots, version INTEGER NOT NULL, made REAL NOT NULL,
  arrival BLOB NOT NULL, device BLOB NOT NULL, channels BLOB NOT NULL, recipe TEXT NOT NULL) STRICT;
CREATE TABLE conflicts (
  channel INTEGER NOT NULL, boot INTEGER NOT NULL, first_sequence INTEGER NOT NULL, met REAL NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE cursors (gateway TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
${GIVEN_UP_SCHEMA}${MERGED_SCHEMA}${IMPORTS_SCHEMA}${OUTLINES_SCHEMA}`;

/** Makes the tables in a database that has none. */
export function createSchema(db: Database): void {
  if (Number(db.pragma('user_version', { simple: true })) !== 0) return;
  db.transaction(() => {
    db.exec(SCHEMA);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  })();
}

/** Refuses, and closes, a database of another version, or one whose tables are not what they were made as. Throws CaissonError `store-unusable`. */
export function requireVersion(db: Database, path: string): void {
  try {
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version !== SCHEMA_VERSION) throw otherVersion(path, version);
    const tables = db.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL').pluck().all();
    const made = statementsOf(SCHEMA);
    const isWhole = tables.length === made.length && made.every((statement) => tables.includes(statement));
    if (!isWhole) throw damaged(path, 'its tables are not what they were made as');
  } catch (error) {
    db.close();
    const damage = error instanceof CaissonError ? undefined : damageOf(error);
    throw damage === undefined ? error : damaged(path, damage, error);
  }
}

function statementsOf(schema: string): string[] {
  return schema
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

function otherVersion(path: string, version: number): CaissonError {
  return new CaissonError('store-unusable', `${path}: schema version ${version}, expected ${SCHEMA_VERSION}`, {
    hint:
      version === 0
        ? 'it is not a store, or the gateway has not made it yet'
        : 'it was written by another version of Caisson',
    retryable: version === 0,
  });
}

/** What to throw of a database that is damaged where it must be read to be written to. */
export function damaged(path: string, problem: string, cause?: unknown): CaissonError {
  return new CaissonError('store-unusable', `${path}: ${problem}`, { cause, hint: DAMAGED_HINT });
}

/** What is damaged in the large database, by an error that its writer met; undefined where it is another one, as of a disk that is full or fails. */
export function storeDamageOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || isDiskTrouble(error)) return undefined;
  if (error instanceof CaissonError) {
    if (error.code === 'store-unusable' && error.hint === DAMAGED_HINT) return error.message;
    return error.code === 'block-invalid' ? error.message : storeDamageOf(error.cause);
  }
  // Values of rows that are no JSON, or lengths that cannot be, where the page that has them reads well.
  if (error instanceof SyntaxError || error instanceof RangeError) return error.message;
  return damageOf(error);
}

/** What to do with a store that is damaged. */
export const DAMAGED_HINT =
  'the disk damaged it: a gateway that starts makes its own anew of what can still be read; `caisson restore` makes a store from a backup, also, with --damaged, from one made now of what can still be read';
