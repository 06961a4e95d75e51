import { Buffer } from 'node:buffer';
import type { PackPartMessage, PackPieceMessage } from '../api/transfer-messages.ts';
import type { PackItem } from './ahead-source.ts';

/** Bytes at the end of a pack by which it is told from another one at its position: its own checksum. */
const CHECK_BYTES = 4;

/** A pack that is being sent. */
export interface OpenPack {
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly isAhead: boolean;
  /** Of what was sent of it. */
  offset: number;
}

/** Cuts packs into pieces, of several packs in turn where something more urgent comes between. */
export class PackPieces {
  readonly #parts: Map<number, PackPartMessage>;
  #told: OpenPack | undefined;

  /** @param parts what the follower has of packs from the call before; each is used once */
  constructor(parts: readonly PackPartMessage[]) {
    this.#parts = new Map(parts.map((part) => [part.position, part]));
  }

  /** True where the follower has a part of this very pack. */
  hasPart({ position, bytes }: PackItem): boolean {
    const part = this.#parts.get(position);
    if (part === undefined || part.bytes >= bytes.length) return false;
    return Buffer.compare(part.check, checkOf(bytes)) === 0;
  }

  /** Begins a pack, where the follower's part of it ends. */
  open(pack: PackItem, isAhead: boolean): OpenPack {
    const { position, bytes } = pack;
    const offset = this.hasPart(pack) ? (this.#parts.get(position)?.bytes ?? 0) : 0;
    this.#parts.delete(position);
    return { position, bytes, isAhead, offset };
  }

  /** The next piece of at most `room` bytes; `offset` tells when it was the last. */
  next(pack: OpenPack, room: number): PackPieceMessage {
    const { position, bytes, offset, isAhead } = pack;
    const isTold = this.#told === pack;
    this.#told = pack;
    pack.offset = Math.min(bytes.length, offset + room);
    const piece = bytes.subarray(offset, pack.offset);
    if (isTold) return { position: 0, size: 0, offset: 0, check: NOTHING, bytes: piece, ahead: false };
    return { position, size: bytes.length, offset, check: checkOf(bytes), bytes: piece, ahead: isAhead };
  }
}

const NOTHING = new Uint8Array(0);

function checkOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes.length - CHECK_BYTES);
}
