import { CaissonError } from '../errors.ts';
import type { BlockDb, KeptGap } from './block-db.ts';
import { Chunk } from './chunk.ts';
import type { JournalDb, StoredRow } from './journal-db.ts';
import { decodeJournalRow, type JournalGroup } from './journal-row.ts';
import type { RowGap } from './store-writer.ts';

/** What the journal holds that no block does. */
export interface Recovered {
  /** Chunks in the order of their rows; of each boot and channel the sequence numbers rise. */
  readonly chunks: readonly Chunk[];
  readonly gaps: readonly RowGap[];
  /** Id of the next row. */
  readonly nextRow: number;
  /** Ring position behind the newest row of each boot. */
  readonly ringEnds: ReadonlyMap<number, number>;
  /** Rows that could not be read; their bytes are set aside. */
  readonly damaged: readonly { readonly row: number; readonly reason: string }[];
}

/** Reads the journal and drops what is in blocks already: a seal commits the block first and trims afterwards. */
export function recover(journal: JournalDb, blocks: BlockDb): Recovered {
  const chunks = new Map<string, Chunk>();
  const finished: Chunk[] = [];
  const sealed = new Map<string, number>();
  const gaps: RowGap[] = [];
  const ringEnds = new Map<number, number>();
  const unreadable: { row: StoredRow; reason: string }[] = [];
  let nextRow = journal.lastId() + 1;

  const sealedUpTo = (channel: number, boot: number): number => {
    const key = `${boot} ${channel}`;
    let next = sealed.get(key);
    if (next === undefined) {
      next = blocks.nextSequence(channel, boot);
      sealed.set(key, next);
    }
    return next;
  };
  const take = (row: StoredRow, group: JournalGroup): void => {
    const key = `${row.boot} ${group.channel}`;
    let from = Math.max(0, sealedUpTo(group.channel, row.boot) - group.firstSequence);
    while (from < group.times.length) {
      let chunk = chunks.get(key);
      const isText = !(group.values instanceof Float64Array);
      const fits = chunk !== undefined && !chunk.isFull && chunk.isText === isText;
      if (chunk === undefined || !fits || chunk.endSequence !== group.firstSequence + from) {
        if (chunk !== undefined) finished.push(chunk);
        chunk = new Chunk(group.channel, row.boot, group.firstSequence + from, row.id, isText ? 'text' : 'number');
        chunks.set(key, chunk);
      }
      from += chunk.appendColumns(group.times, group.values, from);
    }
  };

  for (const row of journal.rowsAfter(0)) {
    nextRow = Math.max(nextRow, row.id + 1);
    ringEnds.set(row.boot, row.ringEnd);
    try {
      const { groups, losses } = decodeJournalRow(row.bytes);
      for (const group of groups) take(row, group);
      for (const loss of losses) {
        const { channel, firstSequence, count, from, to, cause } = loss;
        gaps.push({ row: row.id, gap: { channel, boot: row.boot, firstSequence, count, from, to, cause } });
      }
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      unreadable.push({ row, reason: error.message });
    }
  }
  for (const { row, reason } of unreadable) journal.setAside(row, reason);
  return {
    chunks: [...finished, ...chunks.values()].sort(
      (a, b) => a.firstRow - b.firstRow || a.firstSequence - b.firstSequence,
    ),
    gaps,
    nextRow,
    ringEnds,
    damaged: unreadable.map(({ row, reason }) => ({ row: row.id, reason })),
  };
}

/**
 * The stretch between the end of a boot and the start of the next, as gaps of the channels that were alive: nobody knows
 * how many samples it would have been (count 0), but why there are none. Only for channels in box time.
 *
 * @param boot local id of the boot that ended
 * @param started box time of the boot that begins, microseconds
 */
export function gapsSince(
  blocks: BlockDb,
  recovered: Recovered,
  boot: { readonly id: number; readonly ended: number | undefined },
  started: number,
): KeptGap[] {
  const ends = new Map(blocks.endsOfBoot(boot.id).map((end) => [end.channel, end]));
  for (const chunk of recovered.chunks) {
    if (chunk.boot !== boot.id) continue;
    const time = Math.max(chunk.timeMax, ends.get(chunk.channel)?.time ?? Number.NEGATIVE_INFINITY);
    ends.set(chunk.channel, { channel: chunk.channel, next: chunk.endSequence, time });
  }
  for (const { gap } of recovered.gaps) {
    const end = ends.get(gap.channel);
    if (gap.boot === boot.id && end !== undefined) end.next = Math.max(end.next, gap.firstSequence + gap.count);
  }
  const arrival = new Set(
    blocks.channelsAfter(0).channels.flatMap((channel) => (channel.stamp === 'arrival' ? [channel.id] : [])),
  );
  const cause = boot.ended === undefined ? 'unclean-stop' : 'stopped';
  return [...ends.values()]
    .filter(({ channel }) => arrival.has(channel))
    .map(({ channel, next, time }) => ({
      channel,
      boot: boot.id,
      firstSequence: next,
      count: 0,
      from: time,
      to: Math.max(time, started),
      cause,
    }));
}
