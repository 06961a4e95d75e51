import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { writeWhole } from '../../gateway/durable-files.ts';
import { CaissonError } from '../../gateway/errors.ts';
import { checked } from '../../gateway/store/backup/backup-store.ts';
import { FolderInProgress } from '../../gateway/store/backup/folder-in-progress.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { FEED_KEY } from '../../gateway/store/block-reader.ts';
import type { StoreReport } from '../../gateway/store/check/store-check.ts';
import { gatewayIdOf } from '../../gateway/store/gateway-id.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { claimStore } from '../../gateway/store/store-role.ts';
import type { PullBatch } from '../api/pull-batch.ts';
import { NO_PROGRESS } from '../central/block-store.ts';
import { Keeper } from '../central/keeper.ts';
import { SqliteStore } from '../central/sqlite-store.ts';
import { pullAll } from './pull-all.ts';

/** In a folder that is filled: of which gateway. */
const REBUILD_FILE = 'rebuild';

export interface RebuildParts {
  /** Empty, or not there yet, or what an interrupted run left. */
  readonly dir: string;
  readonly gateway: string;
  /** `TelemetryClient` has it. */
  readonly central: {
    pullGateway(
      request: { readonly gateway: string; readonly feed: string; readonly after: number },
      signal?: AbortSignal,
    ): AsyncIterable<PullBatch>;
  };
  readonly signal: AbortSignal;
  /** Told of the samples that came in this run. */
  readonly onProgress?: (samples: number) => void;
}

/**
 * Makes the store of a gateway that was lost anew from what a central has of it: every block with its bytes, boots, channels, clock
 * rows, gaps and derivations. It is there wholly or not at all; a run that is interrupted is gone on with by the next. The store begins a
 * feed of its own, so that every central looks through it once and keeps what it does not have; the next start of the
 * gateway begins a boot of its own, so that no sequence number comes back with another sample.
 *
 * @throws CaissonError `store-unusable`, `block-invalid`, and what the central says
 */
export async function rebuildStore({ dir, gateway, central, signal, onProgress }: RebuildParts): Promise<StoreReport> {
  const marker = (path: string) => join(path, REBUILD_FILE);
  const isOurs = (path: string) => existsSync(marker(path)) && readFileSync(marker(path), 'utf8') === gateway;
  const folder = new FolderInProgress(dir, isOurs);
  writeWhole(marker(folder.path), gateway, 0o644);
  const { blocks } = storePaths(folder.path);
  const db = BlockDb.open(blocks);
  try {
    claimStore(db, 'gateway');
    gatewayIdOf(db, gateway);
    const store = new SqliteStore(db);
    await pullAll({
      peer: { role: 'gateway', gateway },
      sink: new Keeper(store),
      pull: (place) => central.pullGateway({ ...place, gateway }, signal),
      signal,
      ...(onProgress !== undefined && { onProgress }),
    });
    await store.change(gateway, [], (held) => held.keepProgress(gateway, NO_PROGRESS));
    db.transaction(() => db.keepMeta(FEED_KEY, randomBytes(8).toString('hex')));
  } finally {
    db.close();
  }
  const report = await checked(folder.path, () => {});
  if (!report.ok) {
    folder.discard();
    throw new CaissonError('block-invalid', `the check of what came found ${report.findingCount} faults`, {
      hint: 'run it again: it begins anew',
      retryable: true,
    });
  }
  rmSync(marker(folder.path));
  folder.complete(basename(blocks));
  return { ...report, dir };
}
