import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckProgress, checkStore, type StoreReport } from '../check/store-check.ts';
import { storePaths } from '../store-dir.ts';
import { copyBlocks } from './copy-blocks.ts';
import { copyJournal } from './copy-journal.ts';
import { FolderInProgress } from './folder-in-progress.ts';

/** What makes a folder a backup, and says of when. */
export const BACKUP_FILE = 'backup.json';

/** What stands in {@link BACKUP_FILE}. */
export interface BackupNote {
  /** When it was begun, ISO 8601: what was acknowledged before is in it. */
  readonly begun: string;
  /** Version of Caisson that made it. */
  readonly version: string;
  readonly packs: number;
  readonly samples: number;
  /** Samples of the journal; those that are in blocks as well included. */
  readonly journalSamples: number;
  /** What the store's check found when the backup was made. */
  readonly findings: number;
}

export type BackupProgress = CheckProgress | { readonly step: 'blocks'; readonly part: number };

/**
 * Backs up the store in `dir`, whether a gateway writes to it or not, into the new or empty folder `to`: everything that
 * was acknowledged when it began. The backup is a store itself, is checked wholly before it appears, and is there wholly or
 * not at all. What is damaged in the store is damaged in the backup, and told.
 *
 * @throws CaissonError `store-unusable`; `store-failed` where the disk is full or fails
 */
export async function backupStore(
  dir: string,
  to: string,
  version: string,
  onProgress: (progress: BackupProgress) => void,
): Promise<StoreReport> {
  const begun = new Date().toISOString();
  const folder = new FolderInProgress(to);
  try {
    const [source, target] = [storePaths(dir), storePaths(folder.path)];
    copyJournal(source.journal, target.journal);
    await copyBlocks(source.blocks, target.blocks, (part) => onProgress({ step: 'blocks', part }));
    const report = await checked(folder.path, onProgress);
    const note: BackupNote = {
      begun,
      version,
      packs: report.packs.packs,
      samples: report.packs.samples,
      journalSamples: report.journal?.samples ?? 0,
      findings: report.findingCount,
    };
    writeFileSync(join(folder.path, BACKUP_FILE), `${JSON.stringify(note, undefined, 2)}\n`);
    folder.complete(BACKUP_FILE);
    return { ...report, dir: to };
  } catch (error) {
    throw folder.failed(error);
  }
}

/** Checks a store, and lets others do something between two steps. */
export async function checked(dir: string, onProgress: (progress: CheckProgress) => void): Promise<StoreReport> {
  const check = checkStore(dir);
  let told = performance.now();
  for (let next = check.next(); ; next = check.next()) {
    if (next.done === true) return next.value;
    if (performance.now() - told < TURN_MS) continue;
    onProgress(next.value);
    await new Promise((resolve) => setImmediate(resolve));
    told = performance.now();
  }
}

/** Milliseconds of work between two turns of the event loop. */
const TURN_MS = 50;
