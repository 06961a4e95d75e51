import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { syncPath, writeWhole } from '../../durable-files.ts';
import { CaissonError } from '../../errors.ts';
import { storePaths } from '../store-dir.ts';

/** Damaged databases that are kept in a store. At the maximum: the next one is for a person to look at. */
export const SET_ASIDE_MAX = 3;

/** Says that the large database is to be made anew, until that is done. */
const NOTE = 'mending.json';

/** What stands in the note. */
export interface DamageNote {
  /** What was met. */
  readonly why: string;
  /** When, ISO 8601. */
  readonly since: string;
  /** Name of the folder that the damaged files go to; missing before that is decided. */
  readonly folder?: string;
}

/** Notes durably that the large database of a store is damaged, so that the next start makes it anew; of several, the first damage counts. */
export function noteDamage(dir: string, why: string): void {
  if (notedDamage(dir) === undefined) keepNote(dir, { why, since: new Date().toISOString() });
}

/** What was noted; undefined where nothing was. */
export function notedDamage(dir: string): DamageNote | undefined {
  const path = join(dir, NOTE);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as DamageNote) : undefined;
}

/** The large database is whole again. */
export function forgetDamage(dir: string): void {
  rmSync(join(dir, NOTE), { force: true });
  syncPath(dir);
}

/**
 * Moves the files of a large database that is noted as damaged into a folder of their own, or goes on with that: the database itself as
 * the last, so that where it is there, all are. Returns the folder.
 *
 * @throws CaissonError `store-unusable` where there are SET_ASIDE_MAX already
 */
export function setAside(dir: string, note: DamageNote): string {
  const name = note.folder ?? freeName(dir);
  if (note.folder === undefined) keepNote(dir, { ...note, folder: name });
  const folder = join(dir, name);
  const { blocks } = storePaths(dir);
  const moved = join(folder, basename(blocks));
  if (existsSync(moved)) return folder;
  if (!existsSync(folder)) mkdirSync(folder);
  for (const end of ['-shm', '-wal', '']) {
    if (existsSync(blocks + end)) renameSync(blocks + end, moved + end);
  }
  syncPath(folder);
  syncPath(dir);
  return folder;
}

/** The name of the next such folder; of a store that is `dir`. */
function freeName(dir: string): string {
  for (let count = 1; count <= SET_ASIDE_MAX; count += 1) {
    if (!existsSync(join(dir, `damaged-${count}`))) return `damaged-${count}`;
  }
  throw new CaissonError(
    'store-unusable',
    `${dir}: its database is damaged, and so were ${SET_ASIDE_MAX} before it, which are in ${join(dir, 'damaged-1')} and beside it`,
    {
      hint: 'the disk damages what is on it: replace it; `caisson restore --damaged` makes a store of what can still be read of a backup made now',
    },
  );
}

function keepNote(dir: string, note: DamageNote): void {
  writeWhole(join(dir, NOTE), `${JSON.stringify(note)}\n`, 0o600);
}
