import { counted } from './quantity-text.ts';

/** Channels that do not go to a central, by why: `3 channels (residency 2, filter 1)`; empty where all go. */
export function withheldText(withheld: Readonly<Record<string, number>> = {}): string {
  const causes = Object.entries(withheld).filter(([, count]) => count > 0);
  if (causes.length === 0) return '';
  const sum = causes.reduce((all, [, count]) => all + count, 0);
  return `${counted(sum, 'channel')} (${causes.map(([cause, count]) => `${cause} ${count}`).join(', ')})`;
}
