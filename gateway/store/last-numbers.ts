import { decodeRecord, recordsName } from '../analysis/cycles/cycle-channels.ts';
import { BlockContents } from '../query/block-contents.ts';
import type { BlockDb } from './block-db.ts';
import type { Recovered } from './recovery.ts';

/** Blocks of records that are looked at for a number; each cycle leaves a few records behind its begin. */
const BLOCKS_MAX = 64;

/** How far back they are looked for, one after the other, microseconds. */
const LOOKS_BACK_US = [3600e6, Number.POSITIVE_INFINITY];

export interface NumberPlaces extends Pick<Recovered, 'channels' | 'chunks'> {
  readonly gateway: string;
  readonly blocks: BlockDb;
}

/** The number of the newest cycle of each kind, of its records in journal and blocks; a kind that has none is missing. */
export function lastNumbers(kinds: readonly string[], places: NumberPlaces): Record<string, number> {
  const numbers = kinds.flatMap((kind) => {
    const number = lastNumber(recordsName(kind), places);
    return number === undefined ? [] : [[kind, number] as const];
  });
  return Object.fromEntries(numbers);
}

function lastNumber(name: string, { gateway, blocks, channels, chunks }: NumberPlaces): number | undefined {
  const channel = channels.find((each) => each.gateway === gateway && each.name === name && each.type === 'text');
  if (channel === undefined) return undefined;
  for (const texts of newestTexts(channel.id, blocks, chunks)) {
    const records = texts.toReversed().map((text) => decodeRecord(String(text)));
    const newest = records.find((record) => record !== undefined && 'number' in record);
    if (newest !== undefined && 'number' in newest) return newest.number;
  }
  return undefined;
}

/** Texts of a channel as they were taken in, a run at a time, the newest run first. */
function* newestTexts(channel: number, blocks: BlockDb, chunks: Recovered['chunks']): Generator<readonly unknown[]> {
  const own = chunks.filter((chunk) => chunk.channel === channel);
  for (const chunk of own.toReversed()) yield [...chunk.valuesFrom(0)];
  const last = blocks.newest(channel)?.timeMax ?? 0;
  const contents = new BlockContents(blocks, () => {}, 0);
  for (const back of LOOKS_BACK_US) {
    const extents = blocks.overlapping(channel, last - back, Number.POSITIVE_INFINITY);
    const newest = extents.sort((a, b) => b.timeMax - a.timeMax).slice(0, BLOCKS_MAX);
    for (const extent of newest) yield [...(contents.of(extent)?.values ?? [])];
  }
}
