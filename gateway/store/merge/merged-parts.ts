import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, listOf } from '../bytes.ts';
import type { BlockInfo, BlockSamples, PackHeader } from '../pack/pack-info.ts';
import { ZstdDecoder, ZstdEncoder } from '../zstd.ts';

/**
 * What a merged pack was made of: the packs as they were sealed and may have been synced, each with a digest of its samples.
 * From the merged pack alone it can be told that every one of them is in it, bit for bit.
 */
export interface MergedPart {
  /** Where it stood in the feed. */
  readonly position: number;
  /** Samples that it has of each block of the merged pack, in their order; those of a block follow those of the part before. */
  readonly counts: readonly number[];
  /** {@link digestOf} its blocks. */
  readonly digest: Uint8Array;
}

/** A block of a part. */
export type PartBlock = Pick<BlockInfo, 'channel' | 'type' | 'firstSequence'> & BlockSamples;

const DIGEST_BYTES = 8;

/** Above any that are written: 1,024 parts of 256 blocks. */
const CONTENT_BYTES_MAX = 2 << 20;
const PARTS_MAX = 1 << 16;
const BLOCKS_MAX = 1 << 8;

const PLAIN = 0;
const COMPRESSED = 1;

const zstd = new ZstdEncoder(1);
const unzstd = new ZstdDecoder();

/**
 * Digest of samples with their identity: the first 8 bytes of SHA-256 over lines of text for gateway, boot and stamp and then,
 * by the names of their channels in the order of UTF-16 code units, of every block lines for channel, type, first sequence
 * number and count, its times and its values as little-endian float64. Texts each follow a line with their length in UTF-8.
 */
export function digestOf({ gateway, boot, stamp }: PackHeader, blocks: readonly PartBlock[]): Uint8Array {
  const hash = createHash('sha256').update(`${gateway}\n${boot}\n${stamp}\n`);
  for (const block of blocks.toSorted((a, b) => (a.channel < b.channel ? -1 : 1))) {
    const { channel, type, firstSequence, times, values } = block;
    hash.update(`${channel}\n${type}\n${firstSequence}\n${times.length}\n`).update(bytesOf(times));
    if (values instanceof Float64Array) hash.update(bytesOf(values));
    else for (const text of values) hash.update(`${Buffer.byteLength(text)}\n`).update(text);
  }
  return new Uint8Array(hash.digest().subarray(0, DIGEST_BYTES));
}

/** Samples of each block of a merged pack, its first ones, that stood in the feed up to a place; undefined where none did. */
export function passedBy(parts: readonly MergedPart[], place: number): number[] | undefined {
  const passed = parts.filter(({ position }) => position <= place);
  return passed[0]?.counts.map((_, block) => passed.reduce((sum, { counts }) => sum + (counts[block] ?? 0), 0));
}

export function encodeParts(parts: readonly MergedPart[]): Uint8Array {
  const content = new ByteWriter(parts.length * 16);
  content.varint(parts.length);
  content.varint(parts[0]?.counts.length ?? 0);
  let before = 0;
  for (const { position, counts } of parts) {
    content.varint(position - before);
    before = position;
    for (const count of counts) content.varint(count);
  }
  for (const { digest } of parts) content.bytes(digest);
  const plain = content.written();
  const frame = zstd.encode(plain, plain.length);
  const out = new ByteWriter((frame ?? plain).length + 8);
  out.u8(frame === undefined ? PLAIN : COMPRESSED);
  if (frame !== undefined) out.varint(plain.length);
  out.bytes(frame ?? plain);
  return out.toBytes();
}

/** Parts by ascending position. Throws CaissonError `block-invalid` where the bytes are damaged. */
export function decodeParts(bytes: Uint8Array): MergedPart[] {
  const whole = new ByteReader(bytes, 'block-invalid', 'PARTS');
  const content = whole.u8() === COMPRESSED ? unframed(whole) : whole;
  const length = content.varintUpTo(PARTS_MAX, '1', 'number of parts');
  const blocks = content.varintUpTo(BLOCKS_MAX, '1', 'number of blocks');
  let position = 0;
  const parts = listOf(length, () => {
    position += content.varint();
    return { position, counts: listOf(blocks, () => content.varint()) };
  });
  return parts.map((part) => ({ ...part, digest: content.take(DIGEST_BYTES).slice() }));
}

function unframed(input: ByteReader): ByteReader {
  const length = input.varintUpTo(CONTENT_BYTES_MAX, '2', 'length of the parts');
  try {
    // A copy: what is decoded is valid until the next frame only.
    return input.over(unzstd.decode(input.take(input.remaining), length).slice());
  } catch (cause) {
    return input.fail('2', `parts do not decompress to ${length} bytes`, cause);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
