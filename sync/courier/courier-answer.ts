import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { ByteReader, ByteWriter, listOf } from '../../gateway/store/bytes.ts';
import type { SignedReceipt } from '../receipts/receipt.ts';
import { REQUESTS_MAX } from './courier-file.ts';

/** What a central says of one courier file to the gateway that wrote it (COURIER-7). */
export interface CourierAnswer {
  /** SHA-256 of the file. */
  readonly digest: Uint8Array;
  readonly outcome: 'kept' | 'damaged';
  /** Of a damaged one. */
  readonly problem: string;
  /** How far the central has the feed of the gateway. */
  readonly feed: string;
  readonly position: number;
  /** Answers to the first requests of the file, in their order. */
  readonly receipts: readonly SignedReceipt[];
}

/** Bytes of an answer. Larger ones are not taken. */
export const ANSWER_BYTES_MAX = 2 << 20;

const MAGIC = Buffer.of(0x43, 0x43, 0x41, 2);
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DIGEST_BYTES = 32;
const SIGNATURE_BYTES = 64;
const TEXT_BYTES_MAX = 4096;
const CIPHER = 'aes-256-gcm';
const OUTCOMES = ['kept', 'damaged'] as const;

/** @param key as the file has it */
export function sealAnswer(
  key: Uint8Array,
  answer: CourierAnswer,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): Buffer {
  const content = new ByteWriter();
  content.bytes(answer.digest);
  content.u8(OUTCOMES.indexOf(answer.outcome));
  content.text(answer.problem.slice(0, TEXT_BYTES_MAX / 4));
  content.text(answer.feed);
  content.varint(answer.position);
  content.varint(answer.receipts.length);
  for (const { receipt, signature } of answer.receipts) {
    content.varint(receipt.length);
    content.bytes(receipt);
    content.bytes(signature);
  }
  const cipher = createCipheriv(CIPHER, key, nonce);
  return Buffer.concat([MAGIC, nonce, cipher.update(content.written()), cipher.final(), cipher.getAuthTag()]);
}

/**
 * What a central said of the file with that digest.
 * @throws CaissonError `courier-invalid` for what no central sealed, or of another file
 */
export function openAnswer(key: Uint8Array, digest: Uint8Array, bytes: Uint8Array): CourierAnswer {
  const input = new ByteReader(opened(key, bytes), 'courier-invalid', 'COURIER');
  if (!Buffer.from(input.take(DIGEST_BYTES)).equals(digest)) input.fail('7', 'the answer is of another file');
  const outcome = OUTCOMES[input.u8()] ?? input.fail('7', 'the answer has no known outcome');
  const [problem, feed] = [
    input.text(TEXT_BYTES_MAX, '7', 'problem'),
    input.text(TEXT_BYTES_MAX, '7', 'id of the feed'),
  ];
  const position = input.varint();
  const receipts = listOf(input.varintUpTo(REQUESTS_MAX, '7', 'receipts'), () => {
    const receipt = input.take(input.varintUpTo(input.remaining, '7', 'bytes of a receipt'));
    return { receipt, signature: input.take(SIGNATURE_BYTES) };
  });
  return { digest, outcome, problem, feed, position, receipts };
}

function opened(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const input = new ByteReader(bytes, 'courier-invalid', 'COURIER');
  if (bytes.length < MAGIC.length + NONCE_BYTES + TAG_BYTES || bytes.length > ANSWER_BYTES_MAX) {
    input.fail('7', `an answer of ${bytes.length} bytes`);
  }
  if (!MAGIC.equals(input.take(MAGIC.length))) input.fail('7', 'bytes do not begin with the magic of an answer');
  const decipher = createDecipheriv(CIPHER, key, input.take(NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const content = decipher.update(input.take(input.remaining - TAG_BYTES));
  try {
    return Buffer.concat([content, decipher.final()]);
  } catch (cause) {
    return input.fail('7', 'the answer does not open: the central that the file was for did not seal it', cause);
  }
}
