/**
 * Items of the feed that are no packs, made small for a thin line: definitions of channels say nearly the same one after the other, and
 * of a gateway with 700 of them they would be 3 % of what a central gets of ten minutes.
 */

import { Buffer } from 'node:buffer';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { ZstdDecoder, ZstdEncoder } from '../../gateway/store/zstd.ts';
import type { FeedPart } from '../fidelity/transfer-sender.ts';
import type { TransferResponseMessage } from './transfer-messages.ts';

/** What items may be when they are unpacked, bytes. A sender stays below, a receiver refuses more. */
const PACKED_BYTES_MAX = 1 << 20;

/** Fewer stay as they are. */
const ITEMS_MIN = 3;

/** Least and most that an item is believed to take, packed, bytes. */
const ITEM_BYTES_MIN = 16;
const ITEM_BYTES_MAX = 256;

const LEVEL = 3;

const NOTHING = { packed: new Uint8Array(0), packedBytes: 0 };
const NO_MORE = { feed: '', piece: null, complete: false, grant: 0, heldUs: 0, ahead: null, passed: 0, ...NOTHING };

/** Share of the bytes of outlines that is left, before it is known, and its least. */
const AHEAD_SHARE = 0.4;
const AHEAD_SHARE_MIN = 0.05;

/** The sending end. It remembers what items came to, so that a message gets as many as it has room for. */
export class ItemPacker {
  readonly #serialize: (response: TransferResponseMessage) => Buffer;
  readonly #zstd = new ZstdEncoder(LEVEL);
  #itemBytes: number | undefined;
  #aheadShare = AHEAD_SHARE;

  constructor(serialize: (response: TransferResponseMessage) => Buffer) {
    this.#serialize = serialize;
  }

  /** What an item takes on the wire, about; undefined before the first. */
  get itemBytes(): number | undefined {
    return this.#itemBytes;
  }

  /** Share of the bytes of what comes ahead that is left of them, about. */
  get aheadShare(): number {
    return this.#aheadShare;
  }

  /** Packs what comes ahead, or else the items that stand before the first pack. */
  pack(part: FeedPart): FeedPart & Pick<TransferResponseMessage, 'packed' | 'packedBytes'> {
    if (part.ahead !== null) return this.#packAhead(part);
    const { items } = part;
    const end = items.findIndex(({ pack }) => pack !== undefined);
    const count = end < 0 ? items.length : end;
    if (count < ITEMS_MIN) return { ...part, ...NOTHING };
    const plain = this.#serialize({ ...NO_MORE, items: items.slice(0, count) });
    if (plain.length > PACKED_BYTES_MAX) return { ...part, ...NOTHING };
    const frame = this.#zstd.encode(plain, plain.length);
    const bytes = (frame?.length ?? plain.length) / count;
    this.#itemBytes = Math.min(ITEM_BYTES_MAX, Math.max(ITEM_BYTES_MIN, bytes));
    if (frame === undefined) return { ...part, ...NOTHING };
    return { ...part, items: items.slice(count), packed: Buffer.from(frame), packedBytes: plain.length };
  }

  #packAhead(part: FeedPart): FeedPart & Pick<TransferResponseMessage, 'packed' | 'packedBytes'> {
    const plain = this.#serialize({ ...NO_MORE, items: [], ahead: part.ahead });
    if (plain.length > PACKED_BYTES_MAX) return { ...part, ...NOTHING };
    const frame = this.#zstd.encode(plain, plain.length);
    const share = (frame?.length ?? plain.length) / plain.length;
    if (part.ahead !== null && part.ahead.outlines.length > 0) this.#aheadShare = Math.max(AHEAD_SHARE_MIN, share);
    if (frame === undefined) return { ...part, ...NOTHING };
    return { ...part, ahead: null, packed: Buffer.from(frame), packedBytes: plain.length };
  }
}

/**
 * A response with all of its items, in order, and what comes ahead.
 * @throws CaissonError `peer-invalid` for a frame that is none, or larger than it may be
 */
export function unpacked(
  response: TransferResponseMessage,
  deserialize: (bytes: Buffer) => TransferResponseMessage,
): TransferResponseMessage {
  const { items, packed, packedBytes } = response;
  if (packed.length === 0) return response;
  if (packedBytes > PACKED_BYTES_MAX) {
    throw new CaissonError(
      'peer-invalid',
      `packed items of ${packedBytes} bytes, expected ${PACKED_BYTES_MAX} at most`,
    );
  }
  try {
    const plain = deserialize(Buffer.from(new ZstdDecoder().decode(packed, packedBytes)));
    return { ...response, items: [...plain.items, ...items], ahead: plain.ahead ?? response.ahead };
  } catch (cause) {
    throw new CaissonError('peer-invalid', `packed items that cannot be unpacked: ${messageOf(cause)}`, { cause });
  }
}
