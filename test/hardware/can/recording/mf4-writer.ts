import { Buffer } from 'node:buffer';
import { deflateSync } from 'node:zlib';

/** A block of an MF4 file that is being written; links are to other blocks of the file. */
export interface Block {
  readonly kind: string;
  links: (Block | undefined)[];
  readonly content: Buffer;
}

export function block(kind: string, links: readonly (Block | undefined)[], content: Buffer = Buffer.alloc(0)): Block {
  return { kind, links: [...links], content };
}

const text = (content: string) => block('TX', [], Buffer.from(`${content}\0`));

/** Puts blocks into a file in this order, the header first, and gives them their addresses. */
export function mf4File(blocks: readonly Block[], { isUnfinished = false } = {}): Buffer<ArrayBuffer> {
  const places = new Map<Block, number>();
  let at = 64;
  for (const each of blocks) {
    places.set(each, at);
    at += (sizeOf(each) + 7) & ~7;
  }
  const file = Buffer.alloc(at);
  file.write(isUnfinished ? 'UnFinMF 4.11    test    ' : 'MDF     4.11    test    ', 'latin1');
  file.writeUInt16LE(411, 28);
  for (const each of blocks) {
    const start = places.get(each) ?? 0;
    file.write(`##${each.kind}`, start, 'latin1');
    // A recorder that is cut off has not written how long its data are.
    const isOpen = isUnfinished && each.kind === 'DT';
    file.writeBigUInt64LE(BigInt(isOpen ? 24 : sizeOf(each)), start + 8);
    file.writeBigUInt64LE(BigInt(each.links.length), start + 16);
    each.links.forEach((link, n) => {
      const place = link === undefined ? 0 : places.get(link);
      if (place === undefined) throw new Error(`a block ${link?.kind} that is linked is not in the file`);
      file.writeBigUInt64LE(BigInt(place), start + 24 + 8 * n);
    });
    each.content.copy(file, start + 24 + 8 * each.links.length);
  }
  const last = blocks.at(-1);
  return isUnfinished && last !== undefined ? file.subarray(0, (places.get(last) ?? 0) + sizeOf(last)) : file;
}

function sizeOf({ links, content }: Block): number {
  return 24 + 8 * links.length + content.length;
}

/** @param start UTC, nanoseconds */
export function header(group: Block | undefined, start: bigint, isLocal = false): Block {
  const content = Buffer.alloc(32);
  content.writeBigUInt64LE(start);
  content.writeUInt8(isLocal ? 1 : 0, 12);
  return block('HD', [group, undefined, undefined, undefined, undefined, undefined], content);
}

export function dataGroup(next: Block | undefined, first: Block, data: Block | undefined, idBytes: number): Block {
  const content = Buffer.alloc(8);
  content.writeUInt8(idBytes);
  return block('DG', [next, first, data, undefined], content);
}

export interface ChannelGroup {
  readonly group: Block;
  /** Everything that belongs to it, itself first. */
  readonly blocks: readonly Block[];
}

/** Nanoseconds in 8 bytes, bus in 1, identifier in 4, flags IDE, EDL, BRS, ESI in 1, length in 1, then the data. */
const FIELDS = [
  ['BusChannel', 8, 0, 8],
  ['ID', 9, 0, 32],
  ['IDE', 13, 0, 1],
  ['EDL', 13, 1, 1],
  ['BRS', 13, 2, 1],
  ['ESI', 13, 3, 1],
  ['DataLength', 14, 0, 7],
] as const;
export const RECORD_BYTES = 15;

/** The group of frames of one kind; their data are in the record, or where `data` says. */
export function frameGroup(
  next: Block | undefined,
  event: string,
  id: number,
  data: { inlineBytes: number } | { stream: Block } | undefined,
): ChannelGroup {
  const factor = Buffer.alloc(40);
  factor.writeUInt8(1);
  factor.writeUInt16LE(2, 6);
  factor.writeDoubleLE(1e-9, 32);
  const conversion = block('CC', [undefined, undefined, undefined, undefined], factor);
  const blocks: Block[] = [conversion];
  const channel = (
    name: string,
    type: number,
    byte: number,
    bit: number,
    bits: number,
    links: Partial<Record<number, Block>> = {},
  ) => {
    const title = text(name);
    const content = Buffer.alloc(72);
    content.writeUInt8(type);
    content.writeUInt8(bit, 3);
    content.writeUInt32LE(byte, 4);
    content.writeUInt32LE(bits, 8);
    const made = block(
      'CN',
      [undefined, links[1], title, undefined, links[4], links[5], undefined, undefined],
      content,
    );
    blocks.push(made, title);
    return made;
  };
  const components = FIELDS.map(([name, byte, bit, bits]) => channel(`${event}.${name}`, 0, byte, bit, bits));
  if (data !== undefined) {
    const isInline = 'inlineBytes' in data;
    const bits = isInline ? 8 * data.inlineBytes : 64;
    components.push(
      channel(`${event}.DataBytes`, isInline ? 0 : 1, RECORD_BYTES, 0, bits, isInline ? {} : { 5: data.stream }),
    );
  }
  components.forEach((component, n) => {
    component.links[0] = components[n + 1];
  });
  const parent = channel(event, 0, 8, 0, 0, { 1: components[0] });
  const time = channel('Timestamp', 2, 0, 0, 64, { 4: conversion });
  time.links[0] = parent;
  const dataBytes = data === undefined ? 0 : 'inlineBytes' in data ? data.inlineBytes : 8;
  const group = groupBlock(next, time, id, 6, RECORD_BYTES + dataBytes);
  return { group, blocks: [group, ...blocks] };
}

/** The group whose records are the data of another one's frames. */
export function variableGroup(next: Block | undefined, id: number): Block {
  return groupBlock(next, undefined, id, 1, 0);
}

function groupBlock(
  next: Block | undefined,
  first: Block | undefined,
  id: number,
  flags: number,
  bytes: number,
): Block {
  const content = Buffer.alloc(32);
  content.writeBigUInt64LE(BigInt(id));
  content.writeUInt16LE(flags, 16);
  content.writeUInt32LE(bytes, 24);
  return block('CG', [next, first, undefined, undefined, undefined, undefined], content);
}

export interface FrameToWrite {
  readonly nanos: number;
  readonly bus: number;
  readonly id: number;
  /** IDE, EDL, BRS, ESI from the lowest bit. */
  readonly bits: number;
  readonly length: number;
}

export function record({ nanos, bus, id, bits, length }: FrameToWrite, data: Uint8Array): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(RECORD_BYTES);
  bytes.writeBigUInt64LE(BigInt(nanos));
  bytes.writeUInt8(bus, 8);
  bytes.writeUInt32LE(id, 9);
  bytes.writeUInt8(bits, 13);
  bytes.writeUInt8(length, 14);
  return Buffer.concat([bytes, data]);
}

/** Data with their length in front. */
export function withLength(data: Uint8Array): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(data.length);
  return Buffer.concat([head, data]);
}

export function offsetOf(value: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A packed data block. @param transposedBy bytes of a record, 0 for none */
export function packed(of: string, bytes: Buffer, transposedBy: number): Block {
  const rows = transposedBy === 0 ? 0 : Math.floor(bytes.length / transposedBy);
  const columns = Buffer.from(bytes);
  for (let column = 0; column < transposedBy; column++) {
    for (let row = 0; row < rows; row++) columns[column * rows + row] = bytes[row * transposedBy + column] ?? 0;
  }
  const content = deflateSync(columns);
  const head = Buffer.alloc(24);
  head.write(of, 'latin1');
  head.writeUInt8(transposedBy === 0 ? 0 : 1, 2);
  head.writeUInt32LE(transposedBy, 4);
  head.writeBigUInt64LE(BigInt(bytes.length), 8);
  head.writeBigUInt64LE(BigInt(content.length), 16);
  return block('DZ', [], Buffer.concat([head, content]));
}
