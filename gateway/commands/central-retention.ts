import type { StorePlace } from '../../sync/central/central.ts';
import {
  type CentralRetentionConfig,
  centralRetentionFaults,
  CentralRetentionConfig as SCHEMA,
} from '../../sync/central/retention/central-retention-config.ts';
import { unmetText } from '../../sync/central/retention/retention-limits.ts';
import type { RetentionPlan } from '../../sync/central/retention/retention-plan.ts';
import { dayOf } from '../../sync/central/retention/retention-rules.ts';
import { bytesText, counted } from '../quantity-text.ts';
import { readCheckedFile } from './checked-file.ts';
import { Output } from './outcome.ts';

/** Channels of a series that are named; of more, how many. */
const NAMES_MAX = 3;

/**
 * The file of `caisson central --retention`.
 * @throws CaissonError `config-unreadable`, `config-invalid` with every issue in its message
 */
export function readRetentionFile(path: string): CentralRetentionConfig {
  return readCheckedFile(path, SCHEMA, centralRetentionFaults, {
    option: '--retention',
    hint: 'sync/central/retention/README.md lists every key',
  });
}

/** Says what rules would give up now, and changes nothing. @throws CaissonError `store-unusable`, `store-failed` */
export async function showRetentionPlan(
  place: StorePlace,
  rules: CentralRetentionConfig,
  isJson: boolean,
): Promise<void> {
  // Loaded only by who asks: it brings the client of a database with it.
  const { retentionPlan } = await import('../../sync/central/retention/retention-plan.ts');
  const plan = await retentionPlan(place, rules, dayOf(Date.now()));
  await new Output().write(isJson ? `${JSON.stringify(plan)}\n` : planText(plan));
}

/** A plan for people, a line a series. */
export function planText({ due, unmet }: RetentionPlan): string {
  const told = unmet.map((each) => `${unmetText(each)}\n`).join('');
  if (due.length === 0) return `nothing is due\n${told}`;
  const lines = due.map(({ gateway, channels, days, packs, bytes, oldest, youngest, by }) => {
    const more = channels.length > NAMES_MAX ? ` and ${channels.length - NAMES_MAX} more` : '';
    const names = `${channels.slice(0, NAMES_MAX).join(', ')}${more}`;
    return `${gateway}  ${counted(packs, 'pack')}, ${bytesText(bytes)}, ${oldest} to ${youngest} days old, kept ${counted(days, 'day')}${by === 'limit' ? ' because of a limit' : ''}: ${names}`;
  });
  const packs = due.reduce((sum, each) => sum + each.packs, 0);
  const bytes = due.reduce((sum, each) => sum + each.bytes, 0);
  return `${[...lines, `in all ${counted(packs, 'pack')}, ${bytesText(bytes)}`].join('\n')}\n${told}`;
}
