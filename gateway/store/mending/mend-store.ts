import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { syncPath } from '../../durable-files.ts';
import { CaissonError } from '../../errors.ts';
import { bytesText } from '../../quantity-text.ts';
import { beginFeed } from '../begin-feed.ts';
import { BlockDb } from '../block-db.ts';
import { storeDamageOf } from '../block-schema.ts';
import { GATEWAY_KEY } from '../gateway-id.ts';
import { storePaths } from '../store-dir.ts';
import { MENDED_KEY, type Mended } from './mended.ts';
import { salvageBlocks } from './salvage-blocks.ts';
import { type DamageNote, forgetDamage, setAside } from './set-aside.ts';

/** Where the new database is made; an interrupted run goes on with it. */
const NEW_BLOCKS = 'blocks-new.db';

/** Part of the room of the disk that packs may take: what the index and the pyramid over them take stands beside them. */
const ROOM_SHARE = 0.9;

/** With less room than this, and less than the damaged database has, it waits for some: there is always more where the disk is full of old samples. */
const ROOM_BYTES_MIN = 64 << 20;

export interface MendParts {
  readonly dir: string;
  /** Id of the gateway by its config. */
  readonly gateway: string | undefined;
  /** Bytes of the disk that may be written. */
  readonly roomBytes: number;
  /** Told how far it is, from 0 to 1. */
  readonly onProgress: (part: number) => void;
}

/**
 * Makes the large database of a store anew, whose damage was noted: its files are set aside, what can be read of them is put into a new
 * database, which then takes their place. The journal stays as it is. Killed anywhere, it goes on where it was.
 *
 * @throws CaissonError `store-unusable` where that cannot be; what SQLite and the disk say
 */
export function mendStore({ dir, gateway, roomBytes, onProgress }: MendParts, note: DamageNote): void {
  const folder = setAside(dir, note);
  const { blocks } = storePaths(dir);
  if (existsSync(blocks)) {
    forgetDamage(dir);
    return;
  }
  const to = join(dir, NEW_BLOCKS);
  dropUnreadable(to);
  const bytesMax = (Math.max(0, roomBytes) + sizeOf(to)) * ROOM_SHARE;
  requireRoom(dir, bytesMax, sizeOf(join(folder, basename(blocks))));
  const salvaged = salvageBlocks({
    ...{ dir: folder, journalDir: dir, to, gateway, bytesMax, onProgress },
    isSetAside: true,
  });
  const db = BlockDb.open(to);
  try {
    if (db.meta(GATEWAY_KEY) === undefined) throw nameless(dir);
    beginFeed(db);
    const boots = db.boots().at(-1)?.id ?? 0;
    const since = Date.parse(note.since) * 1e3;
    const mended: Mended = { why: note.why, since, folder: basename(folder), ...salvaged, boots };
    db.transaction(() => db.keepMeta(MENDED_KEY, JSON.stringify(mended)));
  } finally {
    db.close();
  }
  requireWhole(to);
  renameSync(to, blocks);
  syncPath(dir);
  forgetDamage(dir);
}

/** What an interrupted run left cannot be gone on with where it is damaged itself. */
function dropUnreadable(to: string): void {
  if (!existsSync(to)) return;
  try {
    BlockDb.open(to).close();
  } catch (error) {
    if (storeDamageOf(error) === undefined) throw error;
    for (const end of ['', '-wal', '-shm']) rmSync(to + end, { force: true });
  }
}

function requireRoom(dir: string, bytes: number, damagedBytes: number): void {
  const needed = Math.min(damagedBytes, ROOM_BYTES_MIN);
  if (bytes >= needed) return;
  const room = `${bytesText(bytes)} of room for what can be read of it, ${bytesText(needed)} at least are needed`;
  throw new CaissonError('store-failed', `${dir}: its database is damaged, and there are ${room}`, {
    retryable: true,
    hint: 'the disk is full: what is not of Caisson can be deleted',
  });
}

/** Bytes of a file; 0 where there is none. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** A database that could not be closed for want of room has a part of it in its log, under the name that it leaves. */
function requireWhole(to: string): void {
  if (sizeOf(`${to}-wal`) > 0)
    throw new CaissonError('store-failed', `${to}: its log could not be taken over`, { retryable: true });
}

function nameless(dir: string): CaissonError {
  return new CaissonError('store-unusable', `${dir}: its database is damaged, and does not say whose it is`, {
    hint: 'name the gateway in its config, `gateway: {id: ...}`, as central knows it',
  });
}
