import { existsSync } from 'node:fs';
import { CaissonError } from '../errors.ts';
import { storePaths } from '../store/store-dir.ts';
import { requireConfig } from './config.ts';

/** Which store a command is about. */
export interface StoreOption {
  /** File of the config whose store is meant. */
  readonly config: string;
  /** The store itself instead. */
  readonly store?: string;
}

/**
 * Folder of a store that is there.
 * @throws CaissonError `config-unreadable`, `config-invalid`, `store-unusable`
 */
export function storeDirOf({ config, store }: StoreOption): string {
  const dir = store ?? requireConfig(config).store.dir;
  if (existsSync(storePaths(dir).blocks)) return dir;
  throw new CaissonError('store-unusable', `there is no store in ${dir}`, {
    hint: 'a gateway or central makes it when it first runs; --store names another',
  });
}
