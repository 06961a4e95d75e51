import { attempt } from '../damage.ts';
import { checkJournal, type JournalCounts } from './check-journal.ts';
import { checkMerged } from './check-merged.ts';
import { checkPacks, type PackCounts } from './check-packs.ts';
import { checkPyramid } from './check-pyramid.ts';
import { checkSequences } from './check-sequences.ts';
import { type Finding, FindingList } from './finding.ts';
import { SequenceRuns } from './sequence-runs.ts';
import { StoreRows } from './store-rows.ts';

/** Lines of SQLite's own check that are told. */
const DATABASE_FINDINGS_MAX = 100;

/** What a check found. */
export interface StoreReport {
  readonly dir: string;
  readonly ok: boolean;
  readonly packs: PackCounts;
  /** Packs that were merged from others, each of which was found in it. */
  readonly merged: number;
  readonly envelopes: number;
  readonly gaps: number;
  /** Blocks that were offered under numbers which others have, and stand apart. */
  readonly conflicts: number;
  /** Undefined for a store without a journal, such as central's. */
  readonly journal: JournalCounts | undefined;
  /** What is wrong; `findingCount` counts those too that are too many to be listed. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
  /** What is no fault, but worth knowing. */
  readonly notes: readonly string[];
}

/** How far a check is. */
export interface CheckProgress {
  readonly step: 'database' | 'packs' | 'pyramid' | 'sequences';
  /** From 0 to 1. */
  readonly part: number;
}

/**
 * Checks a store wholly, whether a gateway writes to it or not: SQLite's own check of every page, every pack against its
 * checksum and the index, the pyramid against what it covers, the journal's records, and that every sequence number is
 * accounted for once. It only reads. Yields how far it is; what it found is its result.
 *
 * @throws CaissonError `store-unusable` where the store cannot be opened at all
 */
export function* checkStore(dir: string): Generator<CheckProgress, StoreReport> {
  const findings = new FindingList();
  const notes: string[] = [];
  const runs = new SequenceRuns();
  const rows = new StoreRows(dir, findings);
  try {
    const boots = new Map([...rows.boots].map(([id, { boot }]) => [boot, id]));
    const journal = checkJournal(dir, boots, findings, notes);
    yield { step: 'database', part: 0 };
    for (const problem of integrityOf(rows)) findings.add('blocks.db', problem);
    const packs: PackCounts = { packs: 0, blocks: 0, samples: 0, thinned: 0, bytes: 0 };
    for (const part of checkPacks(rows, runs, packs, findings)) yield { step: 'packs', part };
    const merged = yield* inStep('packs', 1, checkMerged(rows, findings));
    yield { step: 'pyramid', part: 0 };
    const envelopes = yield* inStep('pyramid', 0.5, checkPyramid(rows, findings));
    yield { step: 'sequences', part: 0 };
    const { gaps, conflicts } = checkSequences(dir, rows, runs, findings, notes);
    const { all, count } = findings;
    return {
      dir,
      ok: count === 0,
      packs,
      merged,
      envelopes,
      gaps,
      conflicts,
      journal,
      findings: all,
      findingCount: count,
      notes,
    };
  } finally {
    rows.close();
  }
}

function* inStep(
  step: CheckProgress['step'],
  part: number,
  check: Generator<void, number>,
): Generator<CheckProgress, number> {
  for (let next = check.next(); ; next = check.next()) {
    if (next.done === true) return next.value;
    yield { step, part };
  }
}

function integrityOf({ db }: StoreRows): string[] {
  const read = attempt(() => db.pragma(`integrity_check(${DATABASE_FINDINGS_MAX})`) as { integrity_check: string }[]);
  if ('damage' in read) return [read.damage];
  return read.value.flatMap(({ integrity_check: line }) => (line === 'ok' ? [] : line.split('\n')));
}
