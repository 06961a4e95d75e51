import { planCanRedecode } from '../../collectors/can/can-redecoder.ts';
import type { RedecodePlan } from '../../collectors/redecoder.ts';
import { planSerialRedecode } from '../../collectors/serial/serial-redecoder.ts';
import { CaissonError } from '../errors.ts';
import type { SourceConfig } from './source-kinds.ts';

/**
 * How what a source kept raw is decoded.
 * @throws CaissonError `derivation-refused` for a kind of source that keeps nothing raw, and what the source refuses
 */
export function planRedecode(config: SourceConfig, source: string): RedecodePlan {
  switch (config.type) {
    case 'can':
      return planCanRedecode(config, source);
    case 'serial':
      return planSerialRedecode(config, source);
    default:
      throw new CaissonError('derivation-refused', `source ${source} is ${config.type}, expected can or serial`, {
        hint: 'only they can keep raw what comes from their wire',
      });
  }
}
