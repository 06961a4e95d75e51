import { crc32 } from 'node:zlib';
import { ByteReader, ByteWriter, listOf } from './bytes.ts';
import { type EnvelopeNode, mergeNodes } from './envelope-node.ts';
import { readNumbers, writeNumbers } from './index-numbers.ts';
import { ZstdDecoder, ZstdEncoder } from './zstd.ts';

/**
 * What a row of the index says of one channel of its roster: the block that the pack has of it or, above the packs, all
 * blocks under the row.
 */
export interface IndexEntry {
  /** Index of the block in its pack; 0 above the packs. */
  readonly block: number;
  readonly count: number;
  /** Least sequence number and one past the greatest; mean something only where the row is of one boot. */
  readonly firstSequence: number;
  readonly endSequence: number;
  /** Least and greatest stored time, microseconds. */
  readonly timeMin: number;
  readonly timeMax: number;
  /** Absent for text. */
  readonly node: EnvelopeNode | undefined;
}

/** Entries by member of the roster; undefined for one that the row has nothing of. */
export type IndexEntries = readonly (IndexEntry | undefined)[];

/** The entry of two runs of one channel, `a` kept before `b`. */
export function mergeEntries(a: IndexEntry | undefined, b: IndexEntry | undefined): IndexEntry | undefined {
  if (a === undefined) return b === undefined ? undefined : { ...b, block: 0 };
  if (b === undefined) return { ...a, block: 0 };
  return {
    block: 0,
    count: a.count + b.count,
    firstSequence: Math.min(a.firstSequence, b.firstSequence),
    endSequence: Math.max(a.endSequence, b.endSequence),
    timeMin: Math.min(a.timeMin, b.timeMin),
    timeMax: Math.max(a.timeMax, b.timeMax),
    node: a.node === undefined || b.node === undefined ? undefined : mergeNodes(a.node, b.node),
  };
}

const COMPRESSED = 1;
/** Times stand as float64: their differences may not be exact. */
const WIDE = 2;
const NARROW_MAX = 2 ** 52;

/** Smaller entries do not gain by zstd. */
const COMPRESS_BYTES_MIN = 64;

const CHECKSUM_BYTES = 4;

/** 256 entries of 80 bytes, and their lengths; above any that is written. */
const CONTENT_BYTES_MAX = 64 * 1024;

const zstd = new ZstdEncoder(1);
const unzstd = new ZstdDecoder();

/**
 * Entries as bytes, a column a field, so that what channels of one roster have in common costs little: form, content length
 * where compressed, then counts (0: nothing there), and of those that are there blocks, sequences, times and nodes. A CRC-32
 * of all that comes last: bits of a database turn unnoticed elsewhere.
 */
export function encodeEntries(entries: IndexEntries): Uint8Array {
  const out = new ByteWriter(64 + entries.length * 48);
  const present = entries.filter((entry) => entry !== undefined);
  const isWide = present.some(({ timeMin, timeMax }) => !isNarrow(timeMin) || !isNarrow(timeMax));
  for (const entry of entries) out.varint(entry?.count ?? 0);
  let before = -1;
  for (const { block } of present) {
    out.signed(block - before - 1);
    before = block;
  }
  before = 0;
  for (const { firstSequence } of present) {
    out.signed(firstSequence - before);
    before = firstSequence;
  }
  for (const { count, firstSequence, endSequence } of present) out.signed(endSequence - firstSequence - count);
  before = 0;
  for (const { timeMin } of present) {
    if (isWide) out.f64(timeMin);
    else out.signed(timeMin - before);
    before = timeMin;
  }
  before = 0;
  for (const { timeMin, timeMax } of present) {
    if (isWide) out.f64(timeMax);
    else out.signed(timeMax - timeMin - before);
    before = timeMax - timeMin;
  }
  for (const { node } of present) out.u8(node === undefined ? 0 : 1);
  writeNumbers(
    out,
    present.flatMap(({ node }) => node ?? []),
  );
  return framed(out.written(), isWide ? WIDE : 0);
}

/** Reads entries of a roster of `members` channels. Throws CaissonError `block-invalid`. */
export function decodeEntries(bytes: Uint8Array, members: number): IndexEntries {
  const input = opened(bytes);
  const form = input.u8();
  const content = form & COMPRESSED ? unframed(input) : input;
  const isWide = (form & WIDE) !== 0;
  const counts = listOf(members, () => content.varint());
  const present = counts.filter((count) => count > 0);
  let before = -1;
  const blocks = listOf(present.length, () => {
    before += 1 + content.signed();
    return before;
  });
  before = 0;
  const firsts = listOf(present.length, () => {
    before += content.signed();
    return before;
  });
  const ends = listOf(present.length, (i) => (firsts[i] ?? 0) + (present[i] ?? 0) + content.signed());
  before = 0;
  const mins = listOf(present.length, () => {
    before = isWide ? content.f64() : before + content.signed();
    return before;
  });
  before = 0;
  const maxs = listOf(present.length, (i) => {
    if (isWide) return content.f64();
    before += content.signed();
    return (mins[i] ?? 0) + before;
  });
  const hasNode = listOf(present.length, () => content.u8() === 1);
  const numbers = readNumbers(
    content,
    present.filter((_, i) => hasNode[i]),
  );
  let nodesMet = 0;
  let at = 0;
  return counts.map((count): IndexEntry | undefined => {
    if (count === 0) return undefined;
    const i = at;
    at += 1;
    const [block = 0, firstSequence = 0, endSequence = 0] = [blocks[i], firsts[i], ends[i]];
    const [timeMin = 0, timeMax = 0] = [mins[i], maxs[i]];
    const node = hasNode[i] ? nodeAt(numbers, nodesMet++, count, timeMin, timeMax) : undefined;
    return { block, count, firstSequence, endSequence, timeMin, timeMax, node };
  });
}

function nodeAt(
  [mins, maxs, firsts, lasts, sums]: readonly Float64Array[],
  at: number,
  count: number,
  timeMin: number,
  timeMax: number,
): EnvelopeNode {
  const none = Number.NaN;
  const [min, max, first, last] = [mins?.[at] ?? none, maxs?.[at] ?? none, firsts?.[at] ?? none, lasts?.[at] ?? none];
  return { count, timeMin, timeMax, min, max, first, last, sum: sums?.[at] ?? none };
}

function framed(content: Uint8Array, form: number): Uint8Array {
  const frame = content.length < COMPRESS_BYTES_MIN ? undefined : zstd.encode(content, content.length - 2);
  const out = new ByteWriter((frame ?? content).length + 4 + CHECKSUM_BYTES);
  out.u8(frame === undefined ? form : form | COMPRESSED);
  if (frame !== undefined) out.varint(content.length);
  out.bytes(frame ?? content);
  out.u32(crc32(out.written()));
  return out.toBytes();
}

/** A reader of what stands before the checksum, which is verified. */
function opened(bytes: Uint8Array): ByteReader {
  const whole = new ByteReader(bytes, 'block-invalid', 'INDEX');
  const length = bytes.length - CHECKSUM_BYTES;
  if (length < 1) whole.fail('3', `${bytes.length} bytes are too few for entries and their checksum`);
  const covered = bytes.subarray(0, length);
  if (whole.over(bytes.subarray(length)).u32() !== crc32(covered))
    whole.fail('3', 'the checksum is not that of the bytes');
  return whole.over(covered);
}

function unframed(input: ByteReader): ByteReader {
  const length = input.varintUpTo(CONTENT_BYTES_MAX, '2', 'length of the entries');
  try {
    return input.over(unzstd.decode(input.take(input.remaining), length));
  } catch (cause) {
    return input.fail('2', `entries do not decompress to ${length} bytes`, cause);
  }
}

function isNarrow(time: number): boolean {
  return Math.abs(time) < NARROW_MAX;
}
