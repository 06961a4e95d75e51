/**
 * Responses of a transfer that bring packs, laid out as protobuf lays them out, without a copy of the packs: nearly all bytes of a line
 * are theirs, and an encoder copies each of them once more than gRPC does.
 */

import { Buffer } from 'node:buffer';
import type { TransferResponseMessage } from './transfer-messages.ts';

/** What gRPC asks of the bytes of a message; a Buffer has it. */
export interface MessageBytes {
  readonly length: number;
  readonly byteLength: number;
  /** Writes them to `target` from `start` on. */
  copy(target: Uint8Array, start: number): unknown;
}

/** Numbers of the fields, all below 16 (sync/proto/caisson/v1/telemetry.proto). */
const RESPONSE = {
  feed: 1,
  items: 2,
  piece: 3,
  complete: 4,
  grant: 5,
  heldUs: 6,
  packed: 7,
  packedBytes: 8,
  passed: 10,
};
const ITEM = { position: 1, pack: 5 };
const PIECE = { position: 1, size: 2, offset: 3, check: 4, bytes: 5, ahead: 6 };

/** Wire types of protobuf. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** More than what stands around a pack or the whole, beside bytes. */
const AROUND_ITEM_BYTES = 32;
const AROUND_BYTES = 160;

/** The bytes of a response of packs, without what is empty or 0, as protobuf has it; undefined for one that says more. */
export function packFrame(response: TransferResponseMessage): MessageBytes | undefined {
  const { feed, items, piece, complete, grant, heldUs, packed, packedBytes, ahead, passed } = response;
  if (feed !== '' || packed.length > 0 || ahead !== null || !items.every(({ pack }) => pack !== undefined))
    return undefined;
  const frame = new Frame(AROUND_BYTES + (piece?.check.length ?? 0) + items.length * AROUND_ITEM_BYTES);
  for (const { position, pack = NOTHING } of items) {
    frame.message(RESPONSE.items, numberBytes(position) + presentBytes(pack));
    frame.number(ITEM.position, position);
    frame.present(ITEM.pack, pack);
  }
  if (piece !== null) {
    const { position, size, offset, check, bytes } = piece;
    const numbers = numberBytes(position) + numberBytes(size) + numberBytes(offset) + numberBytes(Number(piece.ahead));
    frame.message(RESPONSE.piece, numbers + bytesBytes(check) + bytesBytes(bytes));
    frame.number(PIECE.position, position);
    frame.number(PIECE.size, size);
    frame.number(PIECE.offset, offset);
    frame.bytes(PIECE.check, check);
    frame.bytes(PIECE.bytes, bytes);
    frame.number(PIECE.ahead, Number(piece.ahead));
  }
  frame.number(RESPONSE.complete, Number(complete));
  frame.number(RESPONSE.grant, grant);
  frame.number(RESPONSE.heldUs, heldUs);
  frame.number(RESPONSE.packedBytes, packedBytes);
  frame.number(RESPONSE.passed, passed);
  return frame;
}

const NOTHING = new Uint8Array(0);

/** Bytes of which some stand elsewhere, and are copied when gRPC asks for all. */
class Frame implements MessageBytes {
  /** What stands between the others. */
  readonly #own: Uint8Array;
  #end = 0;
  readonly #others: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #othersBytes = 0;

  /** @param room bytes that stand between the others, at most */
  constructor(room: number) {
    this.#own = Buffer.allocUnsafe(room);
  }

  get length(): number {
    return this.#end + this.#othersBytes;
  }

  get byteLength(): number {
    return this.length;
  }

  copy(target: Uint8Array, start: number): void {
    let [from, at] = [0, start];
    for (const other of this.#others) {
      target.set(this.#own.subarray(from, other.at), at);
      at += other.at - from;
      target.set(other.bytes, at);
      at += other.bytes.length;
      from = other.at;
    }
    target.set(this.#own.subarray(from, this.#end), at);
  }

  number(field: number, value: number): void {
    if (value === 0) return;
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
  }

  bytes(field: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.present(field, bytes);
  }

  /** Bytes that are there though there may be none of them. */
  present(field: number, bytes: Uint8Array): void {
    this.message(field, bytes.length);
    this.#others.push({ at: this.#end, bytes });
    this.#othersBytes += bytes.length;
  }

  /** Begins a message of so many bytes; its fields follow. */
  message(field: number, length: number): void {
    this.#varint(field * 8 + LENGTH_DELIMITED);
    this.#varint(length);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#own[this.#end++] = (rest % 0x80) | 0x80;
    this.#own[this.#end++] = rest;
  }
}

/** Of a field with its tag. */
function numberBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

function bytesBytes(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : presentBytes(bytes);
}

function presentBytes(bytes: Uint8Array): number {
  return 1 + varintBytes(bytes.length) + bytes.length;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}
