import { CaissonError } from '../errors.ts';
import type { BlockDb, KeptGap } from './block-db.ts';
import { Chunk } from './chunk.ts';
import type { DamagedRow } from './journal/damaged-rows.ts';
import type { Journal } from './journal/journal.ts';
import type { JournalGroup, JournalLoss, JournalRow } from './journal/row.ts';
import { decodeJournalRow } from './journal/row-decoder.ts';
import type { RowGap } from './store-writer.ts';

/** What the journal holds that no block does. */
export interface Recovered {
  /** Chunks in the order of their rows; of each boot and channel the sequence numbers rise. */
  readonly chunks: readonly Chunk[];
  readonly gaps: readonly RowGap[];
  /** Ring position behind the newest row of each boot. */
  readonly ringEnds: ReadonlyMap<number, number>;
  /** Rows that could not be read; their bytes are set aside. */
  readonly damaged: readonly DamagedRow[];
}

/** Reads the journal and drops what is in blocks already: a seal commits the block first and trims afterwards. */
export function recover(journal: Journal, blocks: BlockDb): Recovered {
  const recovery = new Recovery(blocks);
  const boots = new Map(blocks.boots().map(({ id, boot }) => [boot, id]));
  const ringEnds = new Map<number, number>();
  for (const row of journal.rows()) {
    const boot = boots.get(row.boot);
    if (boot === undefined) continue;
    ringEnds.set(boot, row.ringEnd);
    try {
      recovery.take({ id: row.id, boot }, decodeJournalRow(row.bytes));
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      journal.setAside(row, error.message);
    }
  }
  return { chunks: recovery.chunks(), gaps: recovery.gaps, ringEnds, damaged: journal.damaged };
}

/** Where in the journal something stands: the id of the row, and the local id of its boot. */
interface Origin {
  readonly id: number;
  readonly boot: number;
}

/** One channel in one boot, as far as the journal was read. */
interface Line {
  /** One past the last sequence number that is in a block. */
  readonly sealedEnd: number;
  /** One past the last sequence number met. */
  reached: number;
  /** Last time met, microseconds; undefined before the first. */
  time: number | undefined;
  /** Takes in what follows. */
  chunk: Chunk | undefined;
}

/** Sequence numbers of one channel that follow each other in a row. */
type RowRun = { readonly group: JournalGroup } | { readonly loss: JournalLoss };

class Recovery {
  readonly gaps: RowGap[] = [];
  readonly #blocks: BlockDb;
  /** By boot, then by channel. */
  readonly #boots = new Map<number, (Line | undefined)[]>();
  readonly #finished: Chunk[] = [];

  constructor(blocks: BlockDb) {
    this.#blocks = blocks;
  }

  take(row: Origin, content: JournalRow): void {
    let lines = this.#boots.get(row.boot);
    if (lines === undefined) {
      lines = [];
      this.#boots.set(row.boot, lines);
    }
    // Nearly every row, and there may be thousands of them with thousands of groups each.
    if (content.losses.length === 0) {
      for (const group of content.groups) this.#takeGroup(row, lines, group);
      return;
    }
    for (const run of runsOf(content)) {
      if ('group' in run) this.#takeGroup(row, lines, run.group);
      else this.#takeLoss(row, lines, run.loss);
    }
  }

  /** What was read, in the order of rows. */
  chunks(): Chunk[] {
    const lines = [...this.#boots.values()].flat();
    const open = lines.flatMap((line) => (line?.chunk === undefined ? [] : [line.chunk]));
    return [...this.#finished, ...open].sort((a, b) => a.firstRow - b.firstRow || a.firstSequence - b.firstSequence);
  }

  #takeGroup(row: Origin, lines: (Line | undefined)[], group: JournalGroup): void {
    const { channel, firstSequence, times, values } = group;
    const line = this.#reach(row, lines, channel, firstSequence, times[0] as number);
    let from = Math.max(0, line.sealedEnd - firstSequence);
    while (from < times.length) {
      const isText = !(values instanceof Float64Array);
      let chunk = line.chunk;
      const fits = chunk !== undefined && !chunk.isFull && chunk.isText === isText;
      if (chunk === undefined || !fits || chunk.endSequence !== firstSequence + from) {
        if (chunk !== undefined) this.#finished.push(chunk);
        chunk = new Chunk(channel, row.boot, firstSequence + from, row.id, isText ? 'text' : 'number');
        line.chunk = chunk;
      }
      from += chunk.appendColumns(times, values, from);
    }
    line.reached = Math.max(line.reached, firstSequence + times.length);
    line.time = times[times.length - 1];
  }

  #takeLoss(
    row: Origin,
    lines: (Line | undefined)[],
    { channel, firstSequence, count, from, to, cause }: JournalLoss,
  ): void {
    const line = this.#reach(row, lines, channel, firstSequence, from);
    this.gaps.push({ row: row.id, gap: { channel, boot: row.boot, firstSequence, count, from, to, cause } });
    line.reached = Math.max(line.reached, firstSequence + count);
    line.time = to;
  }

  /** The line, up to `sequence`. What is missing before it, because the row that held it is damaged, becomes a gap. */
  #reach(row: Origin, lines: (Line | undefined)[], channel: number, sequence: number, time: number): Line {
    let line = lines[channel];
    if (line === undefined) {
      line = { sealedEnd: this.#blocks.sealedEnd(channel, row.boot), reached: 0, time: undefined, chunk: undefined };
      lines[channel] = line;
    }
    if (sequence <= line.reached) return line;
    const firstSequence = Math.max(line.reached, this.#blocks.nextSequence(channel, row.boot, sequence));
    if (firstSequence < sequence) {
      const from = Math.min(line.time ?? time, time);
      const count = sequence - firstSequence;
      const gap = { channel, boot: row.boot, firstSequence, count, from, to: time, cause: 'journal-damaged' };
      this.gaps.push({ row: row.id, gap });
    }
    line.reached = sequence;
    return line;
  }
}

/** Groups and losses of a row so that those of one channel are in the order of their sequence numbers. */
function runsOf({ groups, losses }: JournalRow): RowRun[] {
  const runs: RowRun[] = groups.map((group) => ({ group }));
  if (losses.length === 0) return runs;
  for (const loss of losses) runs.push({ loss });
  const sequenceOf = (run: RowRun) => ('group' in run ? run.group : run.loss).firstSequence;
  return runs.sort((a, b) => sequenceOf(a) - sequenceOf(b));
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
      firstSequence: Math.max(next, blocks.nextSequence(channel, boot.id)),
      count: 0,
      from: time,
      to: Math.max(time, started),
      cause,
    }));
}
