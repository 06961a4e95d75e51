import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../../../../gateway/errors.ts';
import { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { BACKUP_FILE } from '../../../../gateway/store/backup/backup-store.ts';
import { restoreStore } from '../../../../gateway/store/backup/restore-store.ts';
import { DATABASE_PAGE_BYTES } from '../../../../gateway/store/database.ts';
import { StoreHost, type StoreHostOptions } from '../../../../gateway/store-host.ts';
import type { Random } from '../../../../hardware/simulated/random.ts';
import { GATEWAY } from '../store-rig.ts';

/** Times that a store is opened before it counts as one that cannot be. */
const TRIES = 4;

/** Overwrites pages of a file with noise. @param pages from 0 on */
export function overwritePages(path: string, pages: readonly number[], random: Random): void {
  const file = openSync(path, 'r+');
  for (const page of pages) {
    const noise = Uint8Array.from({ length: DATABASE_PAGE_BYTES }, () => random.below(256));
    writeSync(file, noise, 0, noise.length, page * DATABASE_PAGE_BYTES);
  }
  closeSync(file);
}

/** Every sample of a store, as `time value`, by name: ids of channels whose definition is lost may be new. */
export function samplesByName(dir: string): Map<string, string[]> {
  const telemetry = StoreTelemetry.open(dir);
  const samples = new Map<string, string[]>();
  for (const { id, name } of telemetry.channels()) {
    const all: string[] = [];
    for (const { times, values } of telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)) {
      for (const [i, time] of times.entries()) all.push(`${time} ${values[i]}`);
    }
    samples.set(name, all);
  }
  telemetry.close();
  return samples;
}

/** What `caisson restore --damaged` saves of a store that nobody writes to; nothing where it cannot be read. */
export async function restorable(dir: string): Promise<Map<string, string[]>> {
  const to = mkdtempSync(join(tmpdir(), 'caisson-restored-'));
  writeFileSync(join(dir, BACKUP_FILE), '{}');
  try {
    await restoreStore(dir, to, { damaged: true }, () => {});
    return samplesByName(to);
  } catch (error) {
    if (error instanceof CaissonError) return new Map();
    throw error;
  } finally {
    rmSync(join(dir, BACKUP_FILE));
    rmSync(to, { recursive: true });
  }
}

/** Opens a store as a gateway does: what may be over later is tried again. */
export async function openAsGateway(dir: string, options: Partial<StoreHostOptions> = {}): Promise<StoreHost> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await StoreHost.open({
        ...{ dir, gateway: GATEWAY, commitFloorMs: 1, blockAgeSeconds: 60, ringSlots: 1 << 12 },
        ...{ onProblem: () => {}, ...options },
      });
    } catch (error) {
      if (tries === TRIES || !(error instanceof CaissonError && error.retryable)) throw error;
    }
  }
}
