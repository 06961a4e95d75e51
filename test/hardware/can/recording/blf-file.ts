import { Buffer } from 'node:buffer';
import { deflateSync } from 'node:zlib';

/** Head of a file that begins at 2021-07-26 05:14:02.294. */
export function fileHeader(): Buffer {
  const bytes = Buffer.alloc(144);
  bytes.write('LOGG', 'latin1');
  bytes.writeUInt32LE(144, 4);
  for (const [n, part] of [2021, 7, 1, 26, 5, 14, 2, 294].entries()) bytes.writeUInt16LE(part, 40 + 2 * n);
  return bytes;
}

/** @param time in steps of 10 µs where `flags` is 1, nanoseconds where it is 2 */
export function object(type: number, content: Buffer, time: bigint, flags = 2, version = 1): Buffer {
  const headerBytes = version === 1 ? 32 : 40;
  const bytes = Buffer.alloc(headerBytes + content.length);
  bytes.write('LOBJ', 'latin1');
  bytes.writeUInt16LE(headerBytes, 4);
  bytes.writeUInt16LE(version, 6);
  bytes.writeUInt32LE(bytes.length, 8);
  bytes.writeUInt32LE(type, 12);
  bytes.writeUInt32LE(flags, 16);
  bytes.writeBigUInt64LE(time, 24);
  content.copy(bytes, headerBytes);
  return Buffer.concat([bytes, Buffer.alloc(bytes.length % 4)]);
}

export function container(content: Buffer, packing: 0 | 2): Buffer {
  const data = packing === 2 ? deflateSync(content) : content;
  const head = Buffer.alloc(32);
  head.write('LOBJ', 'latin1');
  head.writeUInt16LE(16, 4);
  head.writeUInt16LE(1, 6);
  head.writeUInt32LE(32 + data.length, 8);
  head.writeUInt32LE(10, 12);
  head.writeUInt16LE(packing, 16);
  head.writeUInt32LE(content.length, 24);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 4)]);
}

/** Content of CAN_MESSAGE: channel, flags, length code, identifier, 8 bytes. */
export function message(channel: number, flags: number, code: number, id: number, data: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(channel);
  bytes.writeUInt8(flags, 2);
  bytes.writeUInt8(code, 3);
  bytes.writeUInt32LE(id, 4);
  bytes.write(data, 8, 'hex');
  return bytes;
}

export function fdMessage(id: number, fdFlags: number, length: number, data: string): Buffer {
  const bytes = Buffer.alloc(84);
  bytes.writeUInt16LE(2);
  bytes.writeUInt8(length, 3);
  bytes.writeUInt32LE(id, 4);
  bytes.writeUInt8(fdFlags, 13);
  bytes.writeUInt8(length, 14);
  bytes.write(data, 20, 'hex');
  return bytes;
}

export function fdMessage64(id: number, flags: number, length: number, data: string): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeUInt8(3);
  bytes.writeUInt8(length, 1);
  bytes.writeUInt8(length, 2);
  bytes.writeUInt32LE(id, 4);
  bytes.writeUInt32LE(flags, 12);
  return Buffer.concat([bytes, Buffer.from(data, 'hex')]);
}

/** Objects in containers of some bytes, which cut them. */
export function blfFile(content: Buffer, pieceBytes: number, packing: 0 | 2): Buffer {
  const parts = [fileHeader()];
  for (let at = 0; at < content.length; at += pieceBytes) {
    parts.push(container(content.subarray(at, at + pieceBytes), packing));
  }
  return Buffer.concat(parts);
}
