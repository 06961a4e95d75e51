import type { GivenUpAccount } from './given-up.ts';
import type { IndexTree } from './index-tree.ts';

/** What became of the sequence numbers of one channel and boot. */
export interface SequenceAccount {
  readonly channel: number;
  readonly boot: number;
  /** Samples in blocks that can be read. */
  kept: number;
  /** Samples in gaps or given up. */
  lost: number;
  /** One past the last sequence number of any. */
  next: number;
}

/** What gaps of one channel and boot come to. */
export type GapSum = Omit<SequenceAccount, 'kept'>;

export const GAP_SUMS =
  'SELECT channel, boot, SUM(count) AS lost, MAX(first_sequence + count) AS next FROM gaps GROUP BY channel, boot';

/** The account of every channel and boot of rosters, from as few rows of the index as tell it. */
export function sequenceAccounts(
  index: IndexTree,
  rosters: readonly number[],
  givenUp: readonly GivenUpAccount[],
  gaps: readonly GapSum[],
): SequenceAccount[] {
  const accounts = new Map<string, SequenceAccount>();
  const accountOf = (channel: number, boot: number) => {
    const key = `${channel} ${boot}`;
    const known = accounts.get(key) ?? { channel, boot, kept: 0, lost: 0, next: 0 };
    accounts.set(key, known);
    return known;
  };
  for (const roster of rosters) {
    const channels = index.channels(roster);
    for (const row of index.rowsOfOneBoot(roster)) {
      for (const [member, entry] of row.entries().entries()) {
        const channel = channels[member];
        if (entry === undefined || channel === undefined || row.boot === undefined) continue;
        const sums = accountOf(channel, row.boot);
        sums.kept += entry.count;
        sums.next = Math.max(sums.next, entry.endSequence);
      }
    }
  }
  for (const { channel, boot, thinned, dropped, end } of givenUp) {
    const sums = accountOf(channel, boot);
    sums.kept -= thinned;
    sums.lost += thinned + dropped;
    sums.next = Math.max(sums.next, end);
  }
  for (const { channel, boot, lost, next } of gaps) {
    const sums = accountOf(channel, boot);
    sums.lost += lost;
    sums.next = Math.max(sums.next, next);
  }
  return [...accounts.values()].sort((a, b) => a.channel - b.channel || a.boot - b.boot);
}
