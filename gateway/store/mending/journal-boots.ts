import { existsSync } from 'node:fs';
import { attempt } from '../damage.ts';
import { JournalReader } from '../journal/journal-reader.ts';
import { decodeRowColumns } from '../journal/row-decoder.ts';

/** What a journal tells of a boot by itself. */
export interface JournalBoot {
  /** Least time of its samples, microseconds. */
  readonly started: number;
  /** What its channels have, by id. */
  readonly kinds: ReadonlyMap<number, 'number' | 'text'>;
}

/** The boots of a journal, by their random ids, in the order in which it has them; none where there is no journal. */
export function journalBoots(journal: string): ReadonlyMap<string, JournalBoot> {
  const boots = new Map<string, { started: number; readonly kinds: Map<number, 'number' | 'text'> }>();
  if (!existsSync(journal)) return boots;
  const reader = JournalReader.open(journal);
  try {
    for (const { boot: id, bytes } of reader.rowsAfter(0)) {
      const read = attempt(() => decodeRowColumns(bytes));
      if ('damage' in read) continue;
      const { channels, times, texts, losses } = read.value;
      const boot = boots.get(id) ?? { started: Number.POSITIVE_INFINITY, kinds: new Map() };
      boots.set(id, boot);
      for (const time of times) boot.started = Math.min(boot.started, time);
      for (const { channel, from } of losses) {
        boot.started = Math.min(boot.started, from);
        if (!boot.kinds.has(channel)) boot.kinds.set(channel, 'number');
      }
      for (const [group, channel] of channels.entries()) boot.kinds.set(channel, texts.has(group) ? 'text' : 'number');
    }
  } finally {
    reader.close();
  }
  // One of which only receipts are left has nothing that could be shown.
  for (const [id, { started }] of boots) if (!Number.isFinite(started)) boots.delete(id);
  return boots;
}
