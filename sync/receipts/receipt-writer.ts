import type { KeyObject } from 'node:crypto';
import type { BlockStore } from '../central/block-store.ts';
import { RangeDigests } from './range-digests.ts';
import {
  DIGEST_BYTES,
  decodeRequest,
  encodeReceipt,
  RETIRED_DIGEST,
  type SignedReceipt,
  signReceipt,
} from './receipt.ts';

export interface ReceiptWriterParts {
  readonly store: BlockStore;
  /** Central's name, as gateways have it in their config. */
  readonly central: string;
  /** Ed25519. */
  readonly key: KeyObject;
  /** UTC, microseconds. */
  readonly now: () => number;
}

const NOTHING = new Uint8Array(DIGEST_BYTES);

/** Central's side of receipts: says, over its signature, what of what a gateway asks for it has. */
export class ReceiptWriter {
  readonly #parts: ReceiptWriterParts;

  constructor(parts: ReceiptWriterParts) {
    this.#parts = parts;
  }

  /**
   * Reads every sample that is asked for, because only that tells that it is there.
   * @throws CaissonError `peer-invalid` for a request that is none
   */
  async answer(gateway: string, wanted: Uint8Array): Promise<SignedReceipt> {
    const { store, central, key, now } = this.#parts;
    const request = decodeRequest(wanted);
    const digests = await store.change(gateway, [gateway], (held) => {
      const samples = new RangeDigests(held);
      return request.ranges.map((range) => {
        const boot = held.boot(gateway, range.boot)?.id;
        const channel = held.channel(gateway, range.channel)?.id;
        if (boot === undefined || channel === undefined) return NOTHING;
        const ids = { boot, channel };
        return samples.of(range, ids) ?? (samples.wereRetired(range, ids) ? RETIRED_DIGEST : NOTHING);
      });
    });
    const receipt = encodeReceipt({ ...request, central, gateway, issued: now(), digests });
    return { receipt, signature: signReceipt(receipt, key) };
  }
}
