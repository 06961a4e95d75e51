import { Buffer } from 'node:buffer';
import { attempt } from '../damage.ts';
import { decodeParts, digestOf, type MergedPart, type PartBlock } from '../merge/merged-parts.ts';
import { Pack } from '../pack/pack.ts';
import type { FindingList } from './finding.ts';
import type { StoreRows } from './store-rows.ts';

/**
 * Holds every merged pack against the digests of the packs that it was made of: that their samples are in it bit for bit,
 * under the numbers that they had. Yields after each. Returns how many merged packs there are.
 */
export function* checkMerged(rows: StoreRows, findings: FindingList): Generator<void, number> {
  const read = attempt(() => rows.db.prepare('SELECT roster, ordinal FROM merged').all() as MergedKey[]);
  if ('damage' in read) {
    findings.add('blocks.db, table merged', read.damage);
    return 0;
  }
  for (const key of read.value) {
    const problem = attempt(() => problemOf(rows, key));
    const place = `blocks.db, merged pack ${key.ordinal} of roster ${key.roster}`;
    if ('damage' in problem) findings.add(place, problem.damage);
    else if (problem.value !== undefined) findings.add(place, problem.value);
    yield;
  }
  return read.value.length;
}

interface MergedKey {
  readonly roster: number;
  readonly ordinal: number;
}

function problemOf(rows: StoreRows, { roster, ordinal }: MergedKey): string | undefined {
  const sql = 'SELECT parts FROM merged WHERE roster = ? AND ordinal = ?';
  const parts = decodeParts(rows.db.prepare(sql).pluck().get(roster, ordinal) as Buffer);
  const index = rows.indexRow(roster, ordinal);
  const bytes = index === undefined ? undefined : rows.pack(index.firstPosition)?.bytes;
  if (bytes === undefined || bytes === null) return 'there are parts of it, but not the pack';
  const opened = attempt(() => {
    const pack = Pack.open(bytes);
    return { pack, blocks: pack.blocks.map((info, block) => ({ ...info, ...pack.samples(block) })) };
  });
  // That the pack itself is damaged is told where packs are looked at.
  if ('damage' in opened) return undefined;
  const { pack, blocks } = opened.value;
  const starts = blocks.map(() => 0);
  for (const part of parts) {
    const digest = digestOf(pack.header, blocksOf(blocks, part, starts));
    if (Buffer.compare(digest, part.digest) !== 0) return `it does not have what stood at position ${part.position}`;
  }
  const rest = blocks.find(({ count }, block) => starts[block] !== count);
  return rest && `its parts do not tell of all samples of ${rest.channel}`;
}

/** The blocks of a part; `starts` says where they begin in those of the pack, and is moved behind them. */
function blocksOf(blocks: readonly PartBlock[], { counts }: MergedPart, starts: number[]): PartBlock[] {
  return blocks.flatMap(({ channel, type, firstSequence, times, values }, block) => {
    const from = starts[block] ?? 0;
    const to = from + (counts[block] ?? 0);
    starts[block] = to;
    const samples = { times: times.subarray(from, to), values: values.slice(from, to) };
    return from === to ? [] : [{ channel, type, firstSequence: firstSequence + from, ...samples }];
  });
}
