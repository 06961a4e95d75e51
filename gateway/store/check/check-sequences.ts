import { BlockReader } from '../block-reader.ts';
import { attempt } from '../damage.ts';
import { storePaths } from '../store-dir.ts';
import { journalRuns } from './check-journal.ts';
import type { FindingList } from './finding.ts';
import { SequenceRuns, type Stretch } from './sequence-runs.ts';
import type { StoreRows } from './store-rows.ts';

/** Adds gaps, and says which sequence numbers are accounted for by nothing, or twice. */
export function checkSequences(
  dir: string,
  rows: StoreRows,
  runs: SequenceRuns,
  findings: FindingList,
  notes: string[],
): { gaps: number; conflicts: number } {
  const table = (name: string, sql: string): Record<string, number>[] => {
    const read = attempt(() => rows.db.prepare(sql).all() as Record<string, number>[]);
    if ('value' in read) return read.value;
    findings.add(`blocks.db, table ${name}`, read.damage);
    return [];
  };
  const gaps = table('gaps', 'SELECT channel, boot, first_sequence AS first, count FROM gaps');
  for (const { channel = 0, boot = 0, first = 0, count = 0 } of gaps)
    runs.add({ channel, boot, first, end: first + count });
  for (const { value = '[]' } of table('meta', "SELECT value FROM meta WHERE key LIKE 'holes of %'")) {
    // Central waits for these: what is sent later may still fill them.
    for (const { channel, boot, first, end } of JSON.parse(String(value)) as Stretch[])
      runs.add({ channel, boot, first, end });
  }
  const conflicts = table('conflicts', 'SELECT channel, boot, first_sequence AS first FROM conflicts');
  for (const { channel = 0, boot = 0, first = 0 } of conflicts) {
    notes.push(`another block for ${nameOf(rows, { channel, boot })} from number ${first} on is kept apart`);
  }
  const { overlaps } = runs.check();
  const boots = new Map([...rows.boots].map(([id, { boot }]) => [boot, id]));
  // These may hold what is in blocks or gaps as well.
  for (const run of journalRuns(dir, boots)) runs.add(run);
  const dropped = 'SELECT channel, boot, first_sequence AS first, end_sequence AS end FROM given_up WHERE dropped > 0';
  for (const { channel = 0, boot = 0, first = 0, end = 0 } of table('given_up', dropped)) {
    runs.add({ channel, boot, first, end });
  }
  for (const hole of stillMissing(dir, boots, runs.check().holes)) {
    const lost = { samples: hole.end - hole.first, channels: [rows.nameOf(hole.channel)] };
    findings.add(`${nameOf(rows, hole)}, ${numbersOf(hole)}`, 'in no block, in no gap and not in the journal', lost);
  }
  for (const overlap of overlaps)
    findings.add(`${nameOf(rows, overlap)}, ${numbersOf(overlap)}`, 'accounted for twice');
  return { gaps: gaps.length, conflicts: conflicts.length };
}

/**
 * A gateway that takes in meanwhile moves samples from the journal into blocks: what is missing is looked for once more, first
 * in the journal and then in blocks.
 */
function stillMissing(dir: string, boots: ReadonlyMap<string, number>, holes: readonly Stretch[]): Stretch[] {
  if (holes.length === 0) return [];
  const later = new SequenceRuns();
  for (const run of journalRuns(dir, boots)) later.add(run);
  const blocks = BlockReader.openReadonly(storePaths(dir).blocks);
  try {
    return holes.flatMap((hole) => {
      const { channel, boot, first, end } = hole;
      const read = attempt(() => blocks.runs(channel, boot, first, end));
      for (const { firstSequence, count } of 'value' in read ? read.value : []) {
        later.add({ channel, boot, first: firstSequence, end: firstSequence + count });
      }
      return later.missingOf(hole);
    });
  } finally {
    blocks.close();
  }
}

function nameOf(rows: StoreRows, { channel, boot }: Pick<Stretch, 'channel' | 'boot'>): string {
  return `${rows.nameOf(channel)}, boot ${rows.boots.get(boot)?.boot ?? boot}`;
}

function numbersOf({ first, end }: Stretch): string {
  return end - first === 1 ? `number ${first}` : `numbers ${first} to ${end - 1}`;
}
