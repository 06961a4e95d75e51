import { Buffer } from 'node:buffer';
import type { RandomBytes } from './random-bytes.ts';

/** Mark, four reserved bytes, length, number of links. */
const HEADER_BYTES = 24;
/** Links of one block; a list of data blocks has the most. */
const LINKS_MAX = 100_000;
/** Bytes of a block that describes something. Data blocks are not read whole. */
const CONTENT_BYTES_MAX = 1024 * 1024;

/** Bytes of content that are read of the blocks that say how the data are to be read. */
const CONTENT_BYTES_MIN: Readonly<Record<string, number>> = { HD: 13, DG: 1, CG: 32, CN: 12, CC: 1, DZ: 24 };

/** A block of an MF4 file (ASAM MDF 4). */
export interface Mf4Block {
  /** Two letters behind `##`. */
  readonly kind: string;
  /** Where it stands in the file. */
  readonly at: number;
  /** Bytes of all of it. */
  readonly length: number;
  /** Where what it refers to stands; 0 where there is nothing. */
  readonly links: readonly number[];
  /** Where its content begins in the file. */
  readonly contentAt: number;
  /** Its content, cut where it is longer than anything but data is. */
  readonly content: DataView;
}

/** Why a file cannot be read as MF4. */
export class Mf4Error extends Error {}

/**
 * Reads a block, of one of the kinds asked for.
 * @throws Mf4Error where no such block stands there
 */
export async function readBlock(file: RandomBytes, at: number, ...kinds: readonly string[]): Promise<Mf4Block> {
  const head = viewOf(await file.read(at, HEADER_BYTES));
  const mark = head.byteLength < HEADER_BYTES ? '' : Buffer.from(head.buffer, head.byteOffset, 4).toString('latin1');
  const kind = mark.slice(2);
  if (!mark.startsWith('##') || !kinds.includes(kind)) {
    throw new Mf4Error(`byte ${at}: expected a block ${kinds.join(' or ')}, found ${JSON.stringify(mark)}`);
  }
  const length = wide(head, 8);
  const count = wide(head, 16);
  const contentAt = at + HEADER_BYTES + 8 * count;
  if (count > LINKS_MAX || contentAt > at + length) {
    throw new Mf4Error(`byte ${at}: a block ${kind} of ${length} bytes with ${count} links cannot be`);
  }
  const contentBytes = Math.min(CONTENT_BYTES_MAX, at + length - contentAt);
  const rest = viewOf(await file.read(at + HEADER_BYTES, 8 * count + contentBytes));
  if (rest.byteLength < 8 * count) throw new Mf4Error(`byte ${at}: the file ends in a block ${kind}`);
  const links = Array.from({ length: count }, (_, index) => wide(rest, 8 * index));
  const content = new DataView(rest.buffer, rest.byteOffset + 8 * count, rest.byteLength - 8 * count);
  if (content.byteLength < (CONTENT_BYTES_MIN[kind] ?? 0)) {
    throw new Mf4Error(`byte ${at}: a block ${kind} with ${content.byteLength} bytes of content is too short`);
  }
  return { kind, at, length, links, contentAt, content };
}

/** Blocks of a list that the file links one behind the other. More than `max` are taken for a circle. */
export async function readChain(file: RandomBytes, first: number, kind: string, max: number): Promise<Mf4Block[]> {
  const blocks: Mf4Block[] = [];
  for (let at = first; at !== 0; at = blocks.at(-1)?.links[0] ?? 0) {
    if (blocks.length === max) throw new Mf4Error(`byte ${at}: more than ${max} blocks ${kind} in a row`);
    blocks.push(await readBlock(file, at, kind));
  }
  return blocks;
}

/** Text of a block TX or MD; empty where there is none. */
export async function readText(file: RandomBytes, at: number): Promise<string> {
  if (at === 0) return '';
  const { content } = await readBlock(file, at, 'TX', 'MD');
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('utf8');
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** A number of 64 bits; beyond 2^53 the nearest double, which is beyond every file. */
export function wide(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
