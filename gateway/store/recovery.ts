import { CaissonError } from '../errors.ts';
import type { StoredChannel } from '../query/telemetry.ts';
import type { BlockDb, KeptGap } from './block-db.ts';
import type { BootSpan } from './boot-spans.ts';
import { Chunk } from './chunk.ts';
import { ChunkMemory } from './chunk-memory.ts';
import { FirstRuns } from './first-runs.ts';
import type { DamagedRow } from './journal/damaged-rows.ts';
import type { Journal } from './journal/journal.ts';
import type { JournalLoss } from './journal/row.ts';
import { decodeRowColumns, decodeRowRuns, type RowColumns } from './journal/row-decoder.ts';
import { MENDED_KEY, mendedOf } from './mending/mended.ts';
import type { RowGap } from './store-writer.ts';

/** What the journal holds that no block does, and whose it is. */
export interface Recovered {
  /** All that the store knows, of any gateway. */
  readonly channels: readonly StoredChannel[];
  /** Chunks in the order of their rows; of each boot and channel the sequence numbers rise. */
  readonly chunks: readonly Chunk[];
  /** Where they have it, and others are to. */
  readonly memory: ChunkMemory;
  readonly gaps: readonly RowGap[];
  /** Ring position behind the newest row of each boot. */
  readonly ringEnds: ReadonlyMap<number, number>;
  /** Rows that could not be read; their bytes are set aside. */
  readonly damaged: readonly DamagedRow[];
}

/**
 * Reads the journal and drops what is in blocks already: a seal commits the block first and trims afterwards. It is read
 * twice: once to learn how much there is of each channel, so that every chunk gets its memory in one piece.
 */
export function recover(journal: Journal, blocks: BlockDb): Recovered {
  const boots = new Map(blocks.boots().map(({ id, boot }) => [boot, id]));
  const memory = new ChunkMemory();
  const mendedBoots = mendedOf(blocks.meta(MENDED_KEY))?.boots ?? 0;
  const recovery = new Recovery({ blocks, runs: firstRunsOf(journal, boots), memory, mendedBoots });
  const ringEnds = new Map<number, number>();
  for (const row of journal.rows()) {
    const boot = boots.get(row.boot);
    if (boot === undefined) continue;
    ringEnds.set(boot, row.ringEnd);
    try {
      recovery.take({ id: row.id, boot }, decodeRowColumns(row.bytes));
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      journal.setAside(row, error.message);
    }
  }
  const { channels } = blocks.channelsAfter(0);
  return { channels, chunks: recovery.chunks(), memory, gaps: recovery.gaps, ringEnds, damaged: journal.damaged };
}

function firstRunsOf(journal: Journal, boots: ReadonlyMap<string, number>): FirstRuns {
  const runs = new FirstRuns();
  for (const row of journal.rows()) {
    const boot = boots.get(row.boot);
    try {
      if (boot !== undefined) runs.add(boot, decodeRowRuns(row.bytes));
    } catch (error) {
      // It is set aside where its samples are read.
      if (!(error instanceof CaissonError)) throw error;
    }
  }
  return runs;
}

/** Where in the journal something stands: the id of the row, and the local id of its boot. */
interface Origin {
  readonly id: number;
  readonly boot: number;
}

/** One channel in one boot, as far as the journal was read. */
interface Line {
  /** What is in blocks; undefined where nothing is. */
  readonly sealed: BootSpan | undefined;
  /** One past the last sequence number met. */
  reached: number;
  /** Last time met, microseconds; undefined before the first. */
  time: number | undefined;
  /** Takes in what follows. */
  chunk: Chunk | undefined;
}

/** What was met of one boot. */
interface BootLines {
  /** What is in blocks, by channel. */
  readonly sealed: ReadonlyMap<number, BootSpan>;
  /** By channel. */
  readonly lines: (Line | undefined)[];
}

/** Sequence numbers of one channel that follow each other in a row: a group, by its place in the row, or a loss. */
type RowRun = { readonly firstSequence: number } & ({ readonly group: number } | { readonly loss: JournalLoss });

interface RecoveryParts {
  readonly blocks: BlockDb;
  readonly runs: FirstRuns;
  readonly memory: ChunkMemory;
  /** Boots up to this local id may lack blocks between others, because the database that had them was damaged. */
  readonly mendedBoots: number;
}

class Recovery {
  readonly gaps: RowGap[] = [];
  readonly #blocks: BlockDb;
  readonly #runs: FirstRuns;
  readonly #memory: ChunkMemory;
  readonly #mendedBoots: number;
  readonly #boots = new Map<number, BootLines>();
  readonly #finished: Chunk[] = [];

  constructor({ blocks, runs, memory, mendedBoots }: RecoveryParts) {
    this.#blocks = blocks;
    this.#runs = runs;
    this.#memory = memory;
    this.#mendedBoots = mendedBoots;
  }

  take(row: Origin, columns: RowColumns): void {
    const lines = this.#linesOf(row.boot);
    // Nearly every row, and there may be thousands of them with thousands of groups each.
    if (columns.losses.length === 0) {
      for (let group = 0; group < columns.counts.length; group += 1) this.#takeGroup(row, lines, columns, group);
      return;
    }
    for (const run of runsOf(columns)) {
      if ('group' in run) this.#takeGroup(row, lines, columns, run.group);
      else this.#takeLoss(row, lines, run.loss);
    }
  }

  /** What was read, in the order of rows. */
  chunks(): Chunk[] {
    const lines = [...this.#boots.values()].flatMap((boot) => boot.lines);
    const open = lines.flatMap((line) => (line?.chunk === undefined ? [] : [line.chunk]));
    return [...this.#finished, ...open].sort((a, b) => a.firstRow - b.firstRow || a.firstSequence - b.firstSequence);
  }

  #linesOf(boot: number): BootLines {
    let lines = this.#boots.get(boot);
    if (lines === undefined) {
      const sealed = new Map(this.#blocks.spansOfBoot(boot).map((span) => [span.channel, span]));
      lines = { sealed, lines: [] };
      this.#boots.set(boot, lines);
    }
    return lines;
  }

  #takeGroup(row: Origin, lines: BootLines, columns: RowColumns, group: number): void {
    const { times } = columns;
    const channel = columns.channels[group] as number;
    const firstSequence = columns.sequences[group] as number;
    const count = columns.counts[group] as number;
    const timesAt = columns.timesAt[group] as number;
    const line = this.#reach(row, lines, channel, firstSequence, times[timesAt] as number);
    const sealed = line.sealed?.next ?? 0;
    if (firstSequence < sealed && row.boot <= this.#mendedBoots) {
      const end = Math.min(sealed, firstSequence + count);
      for (const { from, to } of this.#lacking(channel, row.boot, firstSequence, end)) {
        this.#append(row, line, columns, group, from - firstSequence, to - firstSequence);
      }
    }
    this.#append(row, line, columns, group, Math.max(0, sealed - firstSequence), count);
    line.reached = Math.max(line.reached, firstSequence + count);
    line.time = times[timesAt + count - 1];
  }

  /** Numbers of [first, end) that are in no block and no gap. */
  #lacking(
    channel: number,
    boot: number,
    first: number,
    end: number,
  ): { readonly from: number; readonly to: number }[] {
    const lacking: { readonly from: number; readonly to: number }[] = [];
    let from = first;
    for (const run of this.#blocks.runs(channel, boot, first, end)) {
      if (run.firstSequence > from) lacking.push({ from, to: run.firstSequence });
      from = Math.max(from, run.firstSequence + run.count);
    }
    if (from < end) lacking.push({ from, to: end });
    return lacking;
  }

  /** Puts samples [begin, to) of a group into chunks. */
  #append(row: Origin, line: Line, columns: RowColumns, group: number, begin: number, to: number): void {
    const { times, values } = columns;
    const channel = columns.channels[group] as number;
    const firstSequence = columns.sequences[group] as number;
    const timesAt = columns.timesAt[group] as number;
    const valuesAt = columns.valuesAt[group] as number;
    const texts = columns.texts.size === 0 ? undefined : columns.texts.get(group);
    const isText = texts !== undefined;
    for (let from = begin; from < to; ) {
      let chunk = line.chunk;
      const fits = chunk !== undefined && !chunk.isFull && chunk.isText === isText;
      if (chunk === undefined || !fits || chunk.endSequence !== firstSequence + from) {
        if (chunk !== undefined) this.#finished.push(chunk);
        const sequence = firstSequence + from;
        const room = this.#runs.follow(row.boot, channel, sequence);
        chunk = new Chunk(channel, row.boot, sequence, row.id, isText ? 'text' : 'number', {
          room,
          memory: this.#memory,
        });
        line.chunk = chunk;
      }
      from +=
        texts === undefined
          ? chunk.appendNumbers(times, timesAt + from, values, valuesAt + from, to - from)
          : chunk.appendColumns(times.subarray(timesAt, timesAt + to), texts, from);
    }
  }

  #takeLoss(row: Origin, lines: BootLines, { channel, firstSequence, count, from, to, cause }: JournalLoss): void {
    const line = this.#reach(row, lines, channel, firstSequence, from);
    this.gaps.push({ row: row.id, gap: { channel, boot: row.boot, firstSequence, count, from, to, cause } });
    line.reached = Math.max(line.reached, firstSequence + count);
    line.time = to;
  }

  /** The line, up to `sequence`. What is missing before it, because the row that held it is damaged, becomes a gap. */
  #reach(row: Origin, { sealed, lines }: BootLines, channel: number, sequence: number, time: number): Line {
    let line = lines[channel];
    if (line === undefined) {
      line = { sealed: sealed.get(channel), reached: 0, time: undefined, chunk: undefined };
      lines[channel] = line;
    }
    if (sequence <= line.reached) return line;
    const isSealed = line.sealed !== undefined && isWholeUpTo(line.sealed, sequence);
    const known = isSealed ? sequence : this.#blocks.nextSequence(channel, row.boot, sequence);
    const firstSequence = Math.max(line.reached, known);
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

/** True where the number before `sequence` is in a block, as is told without looking that block up. */
function isWholeUpTo({ first, next, count }: BootSpan, sequence: number): boolean {
  return count === next - first && first < sequence && sequence <= next;
}

/** Groups and losses of a row so that those of one channel are in the order of their sequence numbers. */
function runsOf({ sequences, losses }: RowColumns): RowRun[] {
  const runs: RowRun[] = Array.from(sequences, (firstSequence, group) => ({ firstSequence, group }));
  for (const loss of losses) runs.push({ firstSequence: loss.firstSequence, loss });
  return runs.sort((a, b) => a.firstSequence - b.firstSequence);
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
  const ends = new Map(
    blocks.spansOfBoot(boot.id).map(({ channel, next, time }) => [channel, { channel, next, time }]),
  );
  for (const chunk of recovered.chunks) {
    if (chunk.boot !== boot.id) continue;
    const time = Math.max(chunk.timeMax, ends.get(chunk.channel)?.time ?? Number.NEGATIVE_INFINITY);
    ends.set(chunk.channel, { channel: chunk.channel, next: chunk.endSequence, time });
  }
  for (const { gap } of recovered.gaps) {
    const end = ends.get(gap.channel);
    if (gap.boot === boot.id && end !== undefined) end.next = Math.max(end.next, gap.firstSequence + gap.count);
  }
  const arrival = new Set(recovered.channels.flatMap(({ id, stamp }) => (stamp === 'arrival' ? [id] : [])));
  const gapEnds = blocks.gapEndsOfBoot(boot.id);
  const cause = boot.ended === undefined ? 'unclean-stop' : 'stopped';
  return [...ends.values()]
    .filter(({ channel }) => arrival.has(channel))
    .map(({ channel, next, time }) => ({
      channel,
      boot: boot.id,
      firstSequence: Math.max(next, gapEnds.get(channel) ?? 0),
      count: 0,
      from: time,
      to: Math.max(time, started),
      cause,
    }));
}
