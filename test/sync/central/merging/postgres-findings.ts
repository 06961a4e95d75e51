import type { Row } from '../../../../gateway/store/block-rows.ts';
import { FAN_OUT } from '../../../../gateway/store/block-schema.ts';
import { envelopeOver, type IndexRow } from '../../../../gateway/store/index-tree.ts';
import { decodeParts, digestOf } from '../../../../gateway/store/merge/merged-parts.ts';
import { Pack } from '../../../../gateway/store/pack/pack.ts';
import { decodeRoster } from '../../../../gateway/store/roster.ts';
import { indexRowOf, type PackPlace } from '../../../../sync/central/postgres/series-index.ts';
import type { PostgresLook } from '../postgres-rig.ts';

/** What is wrong in a database: packs that are not what the index or their parts say, rows that lack, totals that are not the sums. */
export async function postgresFindings(look: PostgresLook): Promise<string[]> {
  const findings: string[] = [];
  const packs = new Map((await look.run('SELECT * FROM packs')).map((row) => [`${row.position} ${row.merged}`, row]));
  const retired = new Set((await look.run('SELECT position FROM retired_packs')).map((row) => Number(row.position)));
  let [blocks, bytes] = [0, 0];
  for (const roster of await look.run('SELECT * FROM rosters ORDER BY id')) {
    const [id, moved, end] = [Number(roster.id), Number(roster.moved), Number(roster.packs)];
    const members = decodeRoster(roster.channels as Buffer).length;
    const found = await look.run('SELECT * FROM pack_index WHERE roster = $1 AND (level > 0 OR ordinal >= $2)', [
      ...[id, moved],
    ]);
    const rows = new Map<string, IndexRow & PackPlace>();
    for (const row of found) {
      const place = { month: Number(row.month), isMerged: Boolean(row.merged) };
      rows.set(`${row.level} ${row.ordinal}`, { ...indexRowOf(row, members), ...place });
    }
    for (let ordinal = moved; ordinal < end; ordinal += 1) {
      const row = rows.get(`0 ${ordinal}`);
      const isRetired = ordinal < Number(roster.retired);
      if (isRetired !== retired.has(row?.lastPosition ?? 0))
        findings.push(`roster ${id}, pack ${ordinal}: is it retired?`);
      if (isRetired) continue;
      const problem =
        row === undefined ? 'its row is gone' : findingIn(row, packs.get(`${row.lastPosition} ${row.isMerged}`));
      if (problem !== undefined) findings.push(`roster ${id}, pack ${ordinal}: ${problem}`);
      blocks += row?.entries().filter((entry) => entry !== undefined).length ?? 0;
      bytes += Number(found.find((each) => Number(each.level) === 0 && Number(each.ordinal) === ordinal)?.size);
    }
    for (let level = 1; FAN_OUT ** level <= end; level += 1) {
      const first = Math.ceil(moved / FAN_OUT ** level);
      for (let ordinal = first; (ordinal + 1) * FAN_OUT ** level <= end; ordinal += 1) {
        const under = Array.from({ length: FAN_OUT }, (_, i) => rows.get(`${level - 1} ${ordinal * FAN_OUT + i}`));
        const envelope = envelopeOver(
          under.flatMap((row) => row ?? []),
          members,
        );
        const row = rows.get(`${level} ${ordinal}`);
        const isSum = JSON.stringify(row?.entries()) === JSON.stringify(envelope?.entries);
        if (!isSum || row?.firstPosition !== envelope?.firstPosition || row?.lastPosition !== envelope?.lastPosition) {
          findings.push(`roster ${id}, level ${level}, row ${ordinal}: it is not the sum of what is under it`);
        }
      }
    }
  }
  const [sums] = await look.run('SELECT sum(blocks)::float8 AS blocks, sum(bytes)::float8 AS bytes FROM gateways');
  if (retired.size === 0 && sums?.blocks !== blocks)
    findings.push(`${sums?.blocks} blocks are said to be there, not ${blocks}`);
  if (sums?.bytes !== bytes) findings.push(`${sums?.bytes} bytes are said to be there, not ${bytes}`);
  return findings;
}

function findingIn(row: IndexRow & PackPlace, kept: Row | undefined): string | undefined {
  if (kept === undefined || Number(kept.month) !== row.month) return 'its bytes are gone';
  const pack = Pack.open(kept.bytes as Buffer);
  for (const entry of row.entries()) {
    const info = entry && pack.blocks[entry.block];
    if (entry === undefined) continue;
    if (info?.firstSequence !== entry.firstSequence || info.count !== entry.count) return 'a block is another one';
  }
  if (!row.isMerged) return kept.parts === null ? undefined : 'it has parts';
  const starts = pack.blocks.map(() => 0);
  for (const { counts, digest, position: at } of decodeParts(kept.parts as Buffer)) {
    const part = pack.blocks.flatMap(({ channel, type, firstSequence }, i) => {
      const [from, count] = [starts[i] ?? 0, counts[i] ?? 0];
      starts[i] = from + count;
      const { times, values } = pack.samples(i);
      const own = { times: times.slice(from, from + count), values: values.slice(from, from + count) };
      return count === 0 ? [] : [{ channel, type, firstSequence: firstSequence + from, ...own }];
    });
    if (!Buffer.from(digest).equals(digestOf(pack.header, part))) return `the part at ${at} is another one`;
  }
  return starts.some((start, i) => start !== pack.blocks[i]?.count) ? 'its parts are not all of it' : undefined;
}
