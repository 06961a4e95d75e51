import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CaissonError } from '../../errors.ts';
import { beginFeed } from '../begin-feed.ts';
import { BlockDb } from '../block-db.ts';
import type { CheckProgress, StoreReport } from '../check/store-check.ts';
import { salvageBlocks } from '../mending/salvage-blocks.ts';
import { storePaths } from '../store-dir.ts';
import { STORE_ID_KEY } from '../store-role.ts';
import { BACKUP_FILE, type BackupNote, checked } from './backup-store.ts';
import { copyJournal } from './copy-journal.ts';
import { FolderInProgress } from './folder-in-progress.ts';

/**
 * Restores a backup into the new or empty folder `to`, which is then a store that a gateway can run on. It begins a feed of
 * its own: positions it gives out were given out before for other things, so every central looks through the whole feed once
 * and keeps what it does not have; nothing counts as synced before. The next start begins a new boot, as each does, so
 * that no sequence number comes back with another sample.
 *
 * @throws CaissonError `store-unusable` for what is no backup, or one that is damaged without `damaged`; `store-failed` where a disk is full or fails
 */
export async function restoreStore(
  backup: string,
  to: string,
  options: { readonly damaged: boolean },
  onProgress: (progress: CheckProgress) => void,
): Promise<{ readonly note: BackupNote; readonly report: StoreReport }> {
  const note = readNote(backup);
  const report = await checked(backup, onProgress);
  if (!report.ok && !options.damaged) {
    throw new CaissonError('store-unusable', `${backup}: the check of the backup found ${report.findingCount} faults`, {
      hint: '`caisson check --store` lists them; --damaged restores what there is',
    });
  }
  const folder = new FolderInProgress(to);
  try {
    const [source, target] = [storePaths(backup), storePaths(folder.path)];
    // Pages that are damaged must not be written to: what can be read of them moves to a database of its own.
    if (report.ok) copyFileSync(source.blocks, target.blocks);
    else salvageBlocks({ dir: backup, journalDir: backup, to: target.blocks });
    copyJournal(source.journal, target.journal);
    const blocks = BlockDb.open(target.blocks);
    beginFeed(blocks);
    // The store of a central may run on beside it, with more than there is here: gateways must tell the two apart.
    blocks.transaction(() => blocks.keepMeta(STORE_ID_KEY, ''));
    blocks.close();
    folder.complete(basename(target.blocks));
    return { note, report };
  } catch (error) {
    throw folder.failed(error);
  }
}

function readNote(backup: string): BackupNote {
  const path = join(backup, BACKUP_FILE);
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as BackupNote;
  throw new CaissonError('store-unusable', `${backup} is no backup: it has no ${BACKUP_FILE}`, {
    hint: '`caisson backup` makes one',
  });
}
