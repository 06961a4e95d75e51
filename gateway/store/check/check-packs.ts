import { attempt } from '../damage.ts';
import { type EnvelopeNode, nodeOf } from '../envelope-node.ts';
import type { IndexEntry } from '../index-entries.ts';
import { Pack } from '../pack/pack.ts';
import type { BlockInfo } from '../pack/pack-info.ts';
import type { IndexRow } from '../pack-index.ts';
import { type FindingList, lossOf } from './finding.ts';
import type { SequenceRuns } from './sequence-runs.ts';
import type { PackRow, StoreRows } from './store-rows.ts';

/** What was looked at. */
export interface PackCounts {
  packs: number;
  blocks: number;
  samples: number;
  /** Packs whose samples were given up. */
  thinned: number;
  bytes: number;
}

/**
 * Reads every pack wholly and holds it against its row of the index: checksum, columns, names, sequence numbers, times and
 * node. Yields how far it is, from 0 to 1.
 */
export function* checkPacks(
  rows: StoreRows,
  runs: SequenceRuns,
  counts: PackCounts,
  findings: FindingList,
): IterableIterator<number> {
  /** Positions whose rows cannot be read; of most nothing ever was there. */
  const unread = new Map<number, string>();
  for (let position = 1; position <= rows.lastPosition; position += 1) {
    const read = attempt(() => rows.pack(position));
    if ('damage' in read) unread.set(position, read.damage);
    else if (read.value !== undefined) checkPack(rows, read.value, counts, findings);
    yield position / (rows.lastPosition + 1);
  }
  for (const row of rows.indexRows(0)) {
    const position = row.firstPosition;
    const held = rows.runsOf(row);
    for (const { channelId: channel, boot, first, count } of held)
      runs.add({ channel, boot, first, end: first + count });
    const damage = unread.get(position);
    const isThere = damage === undefined && rows.hasPack(position);
    if (!isThere) findings.add(placeOf(position), damage ?? 'it is in the index and nowhere else', lossOf(held));
    yield 1;
  }
}

function placeOf(position: number): string {
  return `blocks.db, pack ${position}`;
}

function checkPack(rows: StoreRows, row: PackRow, counts: PackCounts, findings: FindingList): void {
  const { position, bytes } = row;
  const place = placeOf(position);
  counts.packs += 1;
  const found = rows.indexOf(row);
  if (found === undefined) findings.add(place, 'the index does not have it');
  if (bytes === null) {
    counts.thinned += 1;
    if (found !== undefined && found.thinned === undefined)
      findings.add(place, 'its samples were given up, which the index does not say');
    return;
  }
  counts.bytes += bytes.length;
  const opened = attempt(() => Pack.open(bytes));
  if ('damage' in opened) {
    findings.add(place, opened.damage, found === undefined ? undefined : lossOf(rows.runsOf(found)));
    return;
  }
  checkHeader(rows, row, opened.value, found, findings);
  checkBlocks(rows, opened.value, { place, index: found }, counts, findings);
}

function checkHeader(
  rows: StoreRows,
  row: PackRow,
  pack: Pack,
  index: IndexRow | undefined,
  findings: FindingList,
): void {
  const place = placeOf(row.position);
  const { boot, gateway, stamp } = pack.header;
  const known = rows.boots.get(row.boot);
  const pairs: [string, unknown, unknown][] = [
    ['boot', known?.boot, boot],
    ['gateway', known?.gateway, gateway],
    ['size', row.size, row.bytes?.length],
    ...(index === undefined
      ? []
      : ([
          ['stamp', index.stamp, stamp],
          ['boot', index.boot, row.boot],
        ] as [string, unknown, unknown][])),
  ];
  for (const [name, said, is] of pairs) {
    if (said !== is) findings.add(place, `its row says ${name} ${String(said)}, but it is ${String(is)}`);
  }
}

function checkBlocks(
  rows: StoreRows,
  pack: Pack,
  { place, index }: { readonly place: string; readonly index: IndexRow | undefined },
  counts: PackCounts,
  findings: FindingList,
): void {
  const entries = index === undefined ? [] : rows.entries(index);
  if (index !== undefined && entries.length > 0) checkSpan(index, entries, place, findings);
  for (const [number, info] of pack.blocks.entries()) {
    const { channel, count, timeMin: from, timeMax: to } = info;
    const samples = attempt(() => pack.samples(number));
    if ('damage' in samples) {
      findings.add(`${place}, ${channel}`, samples.damage, lossOf([{ channel, count, from, to }]));
      continue;
    }
    counts.blocks += 1;
    counts.samples += count;
    // A block of a pack that was here already, in another, is not in the index a second time.
    const entry = entries.find((each) => each.entry.block === number);
    if (entry === undefined) continue;
    const { times, values } = samples.value;
    const node = values instanceof Float64Array ? nodeOf(times, values, 0, times.length) : undefined;
    const difference = differenceOf(entry.channel, entry.entry, info, node);
    if (difference !== undefined) findings.add(`${place}, ${channel}`, `the index says ${difference}`);
  }
}

/** Queries look at the span of a row before they look at what it says of a channel. */
function checkSpan(
  { timeMin, timeMax }: IndexRow,
  entries: readonly { readonly entry: IndexEntry }[],
  place: string,
  findings: FindingList,
): void {
  const least = Math.min(...entries.map(({ entry }) => entry.timeMin));
  const greatest = Math.max(...entries.map(({ entry }) => entry.timeMax));
  if (timeMin === least && timeMax === greatest) return;
  findings.add(place, `the index says times ${timeMin} to ${timeMax}, but they are ${least} to ${greatest}`);
}

/** What the index says of a block that is not so, with what is. */
function differenceOf(
  channel: string,
  entry: IndexEntry,
  block: BlockInfo,
  node: EnvelopeNode | undefined,
): string | undefined {
  const pairs: [string, unknown, unknown][] = [
    ['channel', channel, block.channel],
    ['first sequence', entry.firstSequence, block.firstSequence],
    ['count', entry.count, block.count],
    ['least time', entry.timeMin, block.timeMin],
    ['greatest time', entry.timeMax, block.timeMax],
    ...NODE_FIELDS.map((field): [string, unknown, unknown] => [field, entry.node?.[field], node?.[field]]),
  ];
  const wrong = pairs.find(([, said, is]) => !Object.is(said, is));
  return wrong === undefined ? undefined : `${wrong[0]} ${String(wrong[1])}, but it is ${String(wrong[2])}`;
}

const NODE_FIELDS = ['min', 'max', 'first', 'last', 'sum'] as const;
