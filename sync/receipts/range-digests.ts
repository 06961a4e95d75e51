import { Buffer } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import { CaissonError } from '../../gateway/errors.ts';
import type { Extent } from '../../gateway/store/block-rows.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import type { BlockSamples } from '../../gateway/store/pack/pack-info.ts';
import type { HeldRange } from './held-ranges.ts';
import { DIGEST_BYTES } from './receipt.ts';

/** Why a block of a central lacks samples that it had: its own rules. */
const RETIRED = 'retired';

/** Bytes of packs kept open, because the blocks of a pack are read channel by channel. At the maximum: all are closed. */
const OPEN_BYTES_MAX = 32 << 20;

/** Blocks that are kept; a store of either end has it. */
export interface PackSource {
  /** Blocks of a channel and boot that hold sequence numbers of [from, to). */
  blocksHolding(channel: number, boot: number, from: number, to: number): Extent[];
  /** The bytes of a pack; undefined when it is gone or thinned. */
  packBytes(position: number): Uint8Array | undefined;
}

/**
 * Digests of samples by their numbers, however they are cut into blocks and packed: a gateway merges what central has as it was.
 * Made for one request or receipt.
 */
export class RangeDigests {
  readonly #source: PackSource;
  readonly #open = new Map<number, Pack>();
  #openBytes = 0;

  constructor(source: PackSource) {
    this.#source = source;
  }

  /**
   * First 16 bytes of RECEIPT-4 over the samples of a range; undefined where not all of them are there and can be read.
   * @param ids of the range's channel and boot in the store
   */
  of(range: HeldRange, ids: { readonly channel: number; readonly boot: number }): Uint8Array | undefined {
    const { boot, channel, first, end } = range;
    const times = createHash('sha256');
    const values = createHash('sha256');
    let next = first;
    const blocks = this.#source.blocksHolding(ids.channel, ids.boot, first, end);
    for (const extent of blocks.sort((a, b) => a.firstSequence - b.firstSequence)) {
      if (extent.firstSequence > next) return undefined;
      const to = Math.min(end, extent.endSequence);
      if (to <= next) continue;
      const samples = this.#samples(extent);
      if (samples === undefined) return undefined;
      takeIn(times, values, samples, next - extent.firstSequence, to - extent.firstSequence);
      next = to;
    }
    if (next < end) return undefined;
    const whole = createHash('sha256').update(`${boot}\n${channel}\n${first}\n${end}\n`);
    return new Uint8Array(whole.update(times.digest()).update(values.digest()).digest().subarray(0, DIGEST_BYTES));
  }

  /**
   * True where all samples of a range came, and some went since by the rules of this store.
   * @param ids of the range's channel and boot in the store
   */
  wereRetired({ first, end }: HeldRange, ids: { readonly channel: number; readonly boot: number }): boolean {
    let [next, isAny] = [first, false];
    const blocks = this.#source.blocksHolding(ids.channel, ids.boot, first, end);
    for (const extent of blocks.sort((a, b) => a.firstSequence - b.firstSequence)) {
      if (extent.firstSequence > next) return false;
      next = Math.max(next, extent.endSequence);
      isAny ||= extent.thinned === RETIRED;
    }
    return isAny && next >= end;
  }

  #samples({ firstPosition, block, thinned }: Extent): BlockSamples | undefined {
    if (thinned !== undefined) return undefined;
    try {
      return this.#pack(firstPosition)?.samples(block);
    } catch (error) {
      if (error instanceof CaissonError) return undefined;
      throw error;
    }
  }

  #pack(position: number): Pack | undefined {
    const known = this.#open.get(position);
    if (known !== undefined) return known;
    const bytes = this.#source.packBytes(position);
    if (bytes === undefined) return undefined;
    if (this.#openBytes > OPEN_BYTES_MAX) {
      this.#open.clear();
      this.#openBytes = 0;
    }
    const pack = Pack.open(bytes);
    this.#open.set(position, pack);
    this.#openBytes += bytes.length;
    return pack;
  }
}

function takeIn(times: Hash, values: Hash, samples: BlockSamples, from: number, to: number): void {
  times.update(bytesOf(samples.times.slice(from, to)));
  if (samples.values instanceof Float64Array) values.update(bytesOf(samples.values.slice(from, to)));
  else for (const text of samples.values.slice(from, to)) values.update(`${Buffer.byteLength(text)}\n`).update(text);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
