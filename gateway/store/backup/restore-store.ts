import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CaissonError } from '../../errors.ts';
import { BlockDb } from '../block-db.ts';
import { FEED_KEY } from '../block-reader.ts';
import type { CheckProgress, StoreReport } from '../check/store-check.ts';
import { PASSED_OVER_KEY } from '../passed-over.ts';
import { ACKNOWLEDGED_KEY, ACKNOWLEDGED_STORES_KEY } from '../retention/acknowledgements.ts';
import { storePaths } from '../store-dir.ts';
import { STORE_ID_KEY } from '../store-role.ts';
import { BACKUP_FILE, type BackupNote, checked } from './backup-store.ts';
import { copyJournal } from './copy-journal.ts';
import { FolderInProgress } from './folder-in-progress.ts';
import { salvageBlocks } from './salvage-blocks.ts';

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
    else salvageBlocks(backup, target.blocks);
    copyJournal(source.journal, target.journal);
    const blocks = BlockDb.open(target.blocks);
    blocks.transaction(() => {
      blocks.keepMeta(FEED_KEY, randomBytes(8).toString('hex'));
      // Positions of the feed of old: by them retention would delete what is nowhere else.
      for (const key of [ACKNOWLEDGED_KEY, ACKNOWLEDGED_STORES_KEY]) blocks.keepMeta(key, '{}');
      // The store of a central may run on beside it, with more than there is here: gateways must tell the two apart.
      blocks.keepMeta(STORE_ID_KEY, '');
      // Nor was anything of this one passed over.
      blocks.keepMeta(PASSED_OVER_KEY, '{}');
    });
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
