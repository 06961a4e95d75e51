import { PACK_BLOCKS_MAX } from '../limits.ts';
import type { Chunk } from './chunk.ts';

/** Channels whose ids differ only below this share packs where their chunks are small. */
export const COHORT_CHANNELS = 64;

/**
 * Weight up to which small chunks are put into one pack: in samples, which come to about 24 KiB. Of frames that are late
 * together, one then tells the times of the next.
 */
const SMALL_PACK_WEIGHT = 80 * 1024;

/** Weight up to which chunks with the same times are put into one pack: what they share is then a small part of it. */
const SHARED_PACK_WEIGHT = 64 * 1024;

/** Times of a chunk that are looked at, besides the first. */
const LOOKS = 4;

/**
 * Which chunks share a pack. A pack is of one boot and one kind; chunks with the same times (signals of one frame) stay
 * together, so that the times are written once; small chunks of a cohort are put together, and full ones are not mixed with
 * them, so that the same channels meet in pack after pack. The packs are in an order that keeps that of a channel's chunks.
 *
 * @param kindOf what a pack's channels must have in common, by channel
 */
export function planPacks(chunks: readonly Chunk[], kindOf: (channel: number) => string): Chunk[][] {
  return inRounds(chunks).flatMap((round) => {
    const buckets = grouped(round, (chunk) => `${chunk.boot} ${kindOf(chunk.channel)}`);
    return buckets.flatMap((bucket) => packsOf(bucket.sort((a, b) => a.channel - b.channel)));
  });
}

/** The first chunk of every channel and boot, then the second, and so on: a pack has one block of a channel. */
function inRounds(chunks: readonly Chunk[]): Chunk[][] {
  const rounds: Chunk[][] = [];
  const met = new Map<number, number>();
  for (const chunk of chunks) {
    const round = met.get(chunk.channel) ?? 0;
    met.set(chunk.channel, round + 1);
    rounds[round] ??= [];
    rounds[round]?.push(chunk);
  }
  return rounds;
}

/** Packs of chunks of one kind, by ascending channel. */
function packsOf(chunks: readonly Chunk[]): Chunk[][] {
  const packs: Chunk[][] = [];
  let small: Chunk[] = [];
  let weight = 0;
  for (const group of withSameTimes(chunks)) {
    const groupWeight = weightOf(group);
    const isAlone = groupWeight >= SMALL_PACK_WEIGHT || group.length > PACK_BLOCKS_MAX;
    if (isAlone || group.some((chunk) => chunk.isFull)) {
      packs.push(...split(group));
      continue;
    }
    const isFull = weight + groupWeight > SMALL_PACK_WEIGHT || small.length + group.length > PACK_BLOCKS_MAX;
    if (small.length > 0 && (isFull || cohortOf(small) !== cohortOf(group))) {
      packs.push(small);
      small = [];
      weight = 0;
    }
    small.push(...group);
    weight += groupWeight;
  }
  if (small.length > 0) packs.push(small);
  return packs;
}

/**
 * Chunks whose times are the same where one looks, group by group, in the order of their first channels. The writer of a
 * pack compares them all, so that to be wrong costs nothing but room; to do it here as well would hold commits up.
 */
function withSameTimes(chunks: readonly Chunk[]): Chunk[][] {
  return grouped(chunks, looksOfTimes).sort((a, b) => (a[0]?.channel ?? 0) - (b[0]?.channel ?? 0));
}

function looksOfTimes(chunk: Chunk): string {
  const { count, firstTime } = chunk;
  let looks = `${count} ${firstTime}`;
  for (let look = 1; look <= LOOKS; look += 1) {
    looks += ` ${chunk.timeAt(Math.floor((look / LOOKS) * (count - 1))) - firstTime}`;
  }
  return looks;
}

/** A group that is too much for one pack, as several. */
function split(group: readonly Chunk[]): Chunk[][] {
  const packs: Chunk[][] = [];
  let pack: Chunk[] = [];
  for (const chunk of group) {
    if (pack.length > 0 && (pack.length === PACK_BLOCKS_MAX || weightOf([...pack, chunk]) > SHARED_PACK_WEIGHT)) {
      packs.push(pack);
      pack = [];
    }
    pack.push(chunk);
  }
  packs.push(pack);
  return packs;
}

/**
 * What chunks with the same times weigh in a pack. Counts are rounded up to a power of two, so that a sample more or less
 * does not divide the same channels another way.
 */
function weightOf(group: readonly Chunk[]): number {
  const samples = 2 ** Math.ceil(Math.log2(group[0]?.count ?? 1));
  return group.reduce((sum, { textBytes }) => sum + samples + textBytes, samples);
}

function cohortOf(chunks: readonly Chunk[]): number {
  return Math.floor((chunks[0]?.channel ?? 0) / COHORT_CHANNELS);
}

function grouped<Element>(elements: readonly Element[], keyOf: (element: Element) => string): Element[][] {
  const groups = new Map<string, Element[]>();
  for (const element of elements) {
    const key = keyOf(element);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [element]);
    else group.push(element);
  }
  return [...groups.values()];
}
