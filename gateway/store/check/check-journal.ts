import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, type Read } from '../damage.ts';
import { JournalReader } from '../journal/journal-reader.ts';
import { type JournalScan, scanJournal } from '../journal/journal-scan.ts';
import { PublishedReader } from '../journal/published.ts';
import type { JournalRow } from '../journal/row.ts';
import { decodeJournalRow } from '../journal/row-decoder.ts';
import { storePaths } from '../store-dir.ts';
import type { FindingList } from './finding.ts';
import type { Stretch } from './sequence-runs.ts';

export interface JournalCounts {
  readonly segments: number;
  readonly rows: number;
  /** Samples of its rows, those that are in blocks as well included. */
  readonly samples: number;
}

/**
 * Verifies every record of the journal, and says which rows are missing between others; undefined where there is no
 * journal, as at central.
 *
 * @param boots local ids of the store's boots, by their random ones
 */
export function checkJournal(
  dir: string,
  boots: ReadonlyMap<string, number>,
  findings: FindingList,
  notes: string[],
): JournalCounts | undefined {
  const { journal } = storePaths(dir);
  if (!existsSync(journal)) return undefined;
  for (const name of readdirSync(journal)) {
    if (/^(damaged|foreign)-/.test(name))
      notes.push(`${join('journal', name)} was set aside, and told, at an earlier start`);
  }
  const scan = scanOf(journal, boots);
  for (const { row, reason } of scan.damage) {
    // A segment may be recycled while it is looked through; what is damaged stays so.
    if (scanOf(journal, boots).damage.some((each) => each.row === row)) findings.add('journal', reason);
  }
  for (const { path } of scan.foreign) notes.push(`${path} is of boots that blocks.db does not know`);
  let rows = 0;
  let samples = 0;
  for (const { id, content } of rowsOf(journal)) {
    rows += 1;
    if ('damage' in content) findings.add(`journal, row ${id}`, content.damage);
    else samples += content.value.groups.reduce((sum, { times }) => sum + times.length, 0);
  }
  return { segments: scan.segments.length, rows, samples };
}

/** The sequence numbers that the journal holds, of samples and of losses; those that are in blocks as well included. */
export function* journalRuns(dir: string, boots: ReadonlyMap<string, number>): IterableIterator<Stretch> {
  const { journal } = storePaths(dir);
  if (!existsSync(journal)) return;
  for (const { boot: bootId, content } of rowsOf(journal)) {
    const boot = boots.get(bootId);
    if (boot === undefined || 'damage' in content) continue;
    const { groups, losses } = content.value;
    for (const { channel, firstSequence: first, times } of groups)
      yield { channel, boot, first, end: first + times.length };
    for (const { channel, firstSequence: first, count } of losses) yield { channel, boot, first, end: first + count };
  }
}

function scanOf(journal: string, boots: ReadonlyMap<string, number>): JournalScan {
  const published = new PublishedReader(journal);
  try {
    return scanJournal(journal, new Set(boots.keys()), published.read());
  } finally {
    published.close();
  }
}

function* rowsOf(journal: string): IterableIterator<{ id: number; boot: string; content: Read<JournalRow> }> {
  const reader = JournalReader.open(journal);
  try {
    for (const { id, boot, bytes } of reader.rowsAfter(0))
      yield { id, boot, content: attempt(() => decodeJournalRow(bytes)) };
  } finally {
    reader.close();
  }
}
