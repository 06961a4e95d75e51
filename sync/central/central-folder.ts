import { existsSync } from 'node:fs';
import { CaissonError } from '../../gateway/errors.ts';
import { courierKeyPath } from '../courier/courier-key.ts';

/**
 * For commands that work on the folder of a central beside it, and must not make another one where a name was mistyped.
 * @throws CaissonError `store-unusable` where no central has run with that folder
 */
export function requireCentralFolder(dir: string): void {
  if (existsSync(courierKeyPath(dir))) return;
  throw new CaissonError('store-unusable', `${dir} is no folder of a central: it has no ${courierKeyPath('')}`, {
    hint: '--data is the folder that `caisson central` has',
  });
}
