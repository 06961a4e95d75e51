import { Buffer } from 'node:buffer';
import { type KeyObject, sign, verify } from 'node:crypto';
import { ByteReader, ByteWriter } from '../../gateway/store/bytes.ts';
import { type HeldRange, readRanges, writeRanges } from './held-ranges.ts';

/** Bytes of the number that makes a receipt the answer to one request, and of a digest of samples. */
export const NONCE_BYTES = 16;
export const DIGEST_BYTES = 16;

/** In place of a digest: it was all there, and the central has given up some of it by its own rules. */
export const RETIRED_DIGEST = new Uint8Array(DIGEST_BYTES).fill(0xff);

const REQUEST_MAGIC = Uint8Array.of(0x43, 0x51, 1);
const RECEIPT_MAGIC = Uint8Array.of(0x43, 0x52, 2);
const TEXT_BYTES_MAX = 512;

/** What is signed begins with this, so that no other signature of the same key can be taken for one of a receipt. */
const DOMAIN = Buffer.from('caisson receipt 1\n');

/** What a gateway wants to have proven: that samples, of positions (from, to] of its feed, are durable with a central. */
export interface ReceiptRequest {
  /** Random; the receipt repeats it. */
  readonly nonce: Uint8Array;
  readonly feed: string;
  readonly from: number;
  readonly to: number;
  readonly ranges: readonly HeldRange[];
}

/** What a central says it has. */
export interface Receipt extends ReceiptRequest {
  readonly central: string;
  readonly gateway: string;
  /** UTC, microseconds. */
  readonly issued: number;
  /** Digest of the samples of each range; RETIRED_DIGEST, or all 0 where it never had them all. */
  readonly digests: readonly Uint8Array[];
}

/** A receipt as it travels. */
export interface SignedReceipt {
  readonly receipt: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeRequest(request: ReceiptRequest): Uint8Array {
  const out = new ByteWriter();
  out.bytes(REQUEST_MAGIC);
  writeTerms(out, request);
  return out.toBytes();
}

/** Throws CaissonError `peer-invalid`. */
export function decodeRequest(bytes: Uint8Array): ReceiptRequest {
  const input = opened(bytes, REQUEST_MAGIC);
  const request = readTerms(input);
  requireEnd(input);
  return request;
}

export function encodeReceipt(receipt: Receipt): Uint8Array {
  const out = new ByteWriter();
  out.bytes(RECEIPT_MAGIC);
  out.text(receipt.central);
  out.text(receipt.gateway);
  out.varint(receipt.issued);
  writeTerms(out, receipt);
  for (const digest of receipt.digests) out.bytes(digest);
  return out.toBytes();
}

/** Throws CaissonError `peer-invalid`. */
export function decodeReceipt(bytes: Uint8Array): Receipt {
  const input = opened(bytes, RECEIPT_MAGIC);
  const central = input.text(TEXT_BYTES_MAX, '2', 'name of the central');
  const gateway = input.text(TEXT_BYTES_MAX, '2', 'id of the gateway');
  const issued = input.varint();
  const terms = readTerms(input);
  const digests = terms.ranges.map(() => input.take(DIGEST_BYTES).slice());
  requireEnd(input);
  return { central, gateway, issued, ...terms, digests };
}

/** Ed25519 (RFC 8032) over the bytes of a receipt. */
export function signReceipt(bytes: Uint8Array, key: KeyObject): Uint8Array {
  return sign(null, Buffer.concat([DOMAIN, bytes]), key);
}

export function isSignedBy(bytes: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  return verify(null, Buffer.concat([DOMAIN, bytes]), key, signature);
}

function writeTerms(out: ByteWriter, { nonce, feed, from, to, ranges }: ReceiptRequest): void {
  out.bytes(nonce);
  out.text(feed);
  out.varint(from);
  out.varint(to);
  writeRanges(out, ranges);
}

function readTerms(input: ByteReader): ReceiptRequest {
  const nonce = input.take(NONCE_BYTES).slice();
  const feed = input.text(TEXT_BYTES_MAX, '2', 'id of the feed');
  return { nonce, feed, from: input.varint(), to: input.varint(), ranges: readRanges(input) };
}

function opened(bytes: Uint8Array, magic: Uint8Array): ByteReader {
  const input = new ByteReader(bytes, 'peer-invalid', 'RECEIPT');
  if (!Buffer.from(input.take(magic.length)).equals(magic)) input.fail('1', 'bytes do not begin with the magic');
  return input;
}

function requireEnd(input: ByteReader): void {
  if (input.remaining > 0) input.fail('2', `${input.remaining} bytes follow the end`);
}
