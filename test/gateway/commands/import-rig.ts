import { writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { requireConfig } from '../../../gateway/commands/config.ts';
import { type FileImport, importFile } from '../../../gateway/commands/import-file.ts';
import type { ImportSettings } from '../../../gateway/commands/import-plan.ts';
import { ImportStore } from '../../../gateway/commands/import-store.ts';
import type { ImportReport } from '../../../gateway/commands/import-text.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { openDatabase } from '../../../gateway/store/database.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { RawStore } from './raw-store.ts';

export const PLAIN: ImportSettings = {
  ...{ source: undefined, name: 'car', dbcs: [], protocol: undefined, obd: false, raw: false },
  ...{ utcOffset: undefined, startAt: undefined, everyUs: undefined },
};

/** When everything is imported, UTC, microseconds. */
export const NOW = 1_700_000_000_000_000;

/** A store of a gateway named `box`, as {@link RawStore}, that recordings are imported into. */
export class ImportRig extends RawStore {
  constructor(t: Test) {
    super(t);
    this.configure({ type: 'health' });
  }

  /** Imports a file; `car` in place of settings is the source `car` of the config as it was written last. */
  async import(
    file: string,
    settings: Partial<ImportSettings> | 'car' = {},
    request: Partial<FileImport> = {},
  ): Promise<ImportReport> {
    const store = ImportStore.open(this.dir, 'box');
    const { sources } = requireConfig(this.configFile);
    const source = sources.car;
    try {
      return await importFile(file, {
        settings:
          settings === 'car'
            ? { ...PLAIN, name: undefined, source: source && { name: 'car', config: source } }
            : { ...PLAIN, ...settings },
        ...{ store, isAgain: false, now: NOW, signal: new AbortController().signal },
        ...{ onLook: () => {}, onProgress: () => {} },
        ...request,
      });
    } finally {
      store.close();
    }
  }

  bytes(name: string, bytes: Uint8Array): string {
    const path = this.file(name);
    writeFileSync(path, bytes);
    return path;
  }

  /** Everything that the large database holds. */
  rows(): Record<string, unknown[]> {
    const db = openDatabase(storePaths(this.dir).blocks, { cacheKiB: 1024, readonly: true });
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all() as string[];
    const rows = names.map((name) => [name, db.prepare(`SELECT * FROM ${name}`).all()] as const);
    db.close();
    return Object.fromEntries(rows);
  }

  /** Samples in blocks. */
  samples(): number {
    const db = BlockReader.openReadonly(storePaths(this.dir).blocks);
    const samples = db.imports().reduce((sum, each) => sum + each.samples, 0);
    const blocks = db.blocksAfter(0).reduce((sum, { count }) => sum + count, 0);
    db.close();
    if (samples !== blocks) throw new Error(`imports tell of ${samples} samples, blocks hold ${blocks}`);
    return samples;
  }
}
