import { Buffer } from 'node:buffer';
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { CaissonError } from '../../gateway/errors.ts';
import { ByteReader, ByteWriter, listOf } from '../../gateway/store/bytes.ts';
import { publicKeyOfRaw, rawPublicKey } from '../receipts/kept-key.ts';

/** Whose feed a file carries, to whom, and behind which position it goes on. */
export interface CourierHead {
  readonly gateway: string;
  readonly central: string;
  readonly feed: string;
  readonly from: number;
  /** True: it holds not all of what may go there, so that it does not move central's place in the feed. */
  readonly isPartial: boolean;
}

/** What the end of a file says. */
export interface CourierEnd {
  /** Position of the last item. */
  readonly to: number;
  /** Requests for receipts (RECEIPT_FORMAT.md). */
  readonly requests: readonly Uint8Array[];
}

/** Kinds of chunks (COURIER-4). */
export const KNOWN_BEFORE = 0;
export const ITEMS = 1;
export const END = 2;

/** Requests of one file, and bytes of them together. */
export const REQUESTS_MAX = 64;
export const REQUESTS_BYTES_MAX = 1 << 20;

/** Bytes of a chunk as it stands, and of a head. Larger ones are refused before memory is taken. */
export const CHUNK_BYTES_MAX = 8 << 20;
const HEAD_BYTES_MAX = 4096;

const MAGIC = Buffer.of(0x43, 0x43, 0x46, 2);
const PREFIX_BYTES = MAGIC.length + 4;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const TEXT_BYTES_MAX = 512;
const CIPHER = 'aes-256-gcm';
const CONTENT = 'caisson courier 2';
const ANSWER = 'caisson courier answer 2';

/** Makes the bytes of one file, chunk after chunk. */
export class CourierSealer {
  /** What the file begins with. */
  readonly beginning: Uint8Array;
  /** What the central's answer is sealed with (COURIER-7). */
  readonly answerKey: Uint8Array;
  readonly #key: Uint8Array;
  #chunks = 0;

  /**
   * @param central its public key, X25519
   * @param own key of this file only; given where a test wants the same bytes again
   */
  constructor(head: CourierHead, central: KeyObject, own: KeyObject = generateKeyPairSync('x25519').privateKey) {
    const content = new ByteWriter();
    content.bytes(rawPublicKey(own));
    content.text(head.gateway);
    content.text(head.central);
    content.text(head.feed);
    content.varint(head.from);
    content.u8(head.isPartial ? 1 : 0);
    this.beginning = Buffer.concat([MAGIC, u32(content.length), content.written()]);
    const secret = diffieHellman({ privateKey: own, publicKey: central });
    this.#key = derivedKey(secret, this.beginning, CONTENT);
    this.answerKey = derivedKey(secret, this.beginning, ANSWER);
  }

  /** A chunk as it stands in the file. */
  chunk(kind: number, content: Uint8Array): Uint8Array {
    const cipher = createCipheriv(CIPHER, this.#key, nonceOf(kind, this.#chunks));
    this.#chunks += 1;
    const sealed = Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    return Buffer.concat([u32(sealed.length), sealed]);
  }

  /** The last chunk. */
  end({ to, requests }: CourierEnd): Uint8Array {
    const content = new ByteWriter();
    content.varint(to);
    content.varint(requests.length);
    for (const request of requests) {
      content.varint(request.length);
      content.bytes(request);
    }
    return this.chunk(END, content.toBytes());
  }
}

/** What a chunk of the kind END says. @throws CaissonError `courier-invalid` */
export function decodeEnd(content: Uint8Array): CourierEnd {
  const input = new ByteReader(content, 'courier-invalid', 'COURIER');
  const to = input.varint();
  const count = input.varintUpTo(REQUESTS_MAX, '4', 'requests');
  const requests = listOf(count, () => input.take(input.varintUpTo(input.remaining, '4', 'bytes of a request')));
  if (input.remaining > 0) throw invalid('4', `${input.remaining} bytes follow the end`);
  return { to, requests };
}

/**
 * What of a file can be known without its key: who, for whom, and that chunks follow each other up to its last byte.
 * @param read gives so many bytes from the place on, or fewer at the end
 * @throws CaissonError `courier-invalid`
 */
export function checkFraming(read: (at: number, length: number) => Uint8Array, fileBytes: number): CourierHead {
  let at = 0;
  const { head } = new CourierOpener((length) => {
    at += length;
    return read(at - length, length);
  });
  let chunks = 0;
  while (at < fileBytes) {
    const prefix = Buffer.from(read(at, 4));
    if (prefix.length < 4) throw invalid('3', 'the file was cut');
    at += 4 + chunkLength(prefix);
    chunks += 1;
  }
  if (at > fileBytes || chunks === 0) throw invalid('3', 'the file was cut');
  return head;
}

function chunkLength(prefix: Buffer): number {
  const length = prefix.readUInt32LE(0);
  if (length > CHUNK_BYTES_MAX || length < TAG_BYTES) throw invalid('3', `a chunk of ${length} bytes`);
  return length;
}

/** A file as it is read: `read` gives so many bytes, or fewer at the end. */
export class CourierOpener {
  readonly head: CourierHead;
  readonly #read: (length: number) => Uint8Array;
  readonly #beginning: Uint8Array;
  readonly #ephemeral: Uint8Array;
  #key: Uint8Array | undefined;
  #chunks = 0;

  /** @throws CaissonError `courier-invalid` for what does not begin as a courier file */
  constructor(read: (length: number) => Uint8Array) {
    this.#read = read;
    const prefix = this.#exactly(PREFIX_BYTES, '1');
    if (!prefix.subarray(0, MAGIC.length).equals(MAGIC)) throw invalid('1', 'bytes do not begin with the magic');
    const length = prefix.readUInt32LE(MAGIC.length);
    if (length > HEAD_BYTES_MAX) throw invalid('1', `the head has ${length} bytes, expected at most ${HEAD_BYTES_MAX}`);
    const bytes = this.#exactly(length, '1');
    this.#beginning = Buffer.concat([prefix, bytes]);
    const input = new ByteReader(bytes, 'courier-invalid', 'COURIER');
    this.#ephemeral = input.take(KEY_BYTES);
    const text = (name: string) => input.text(TEXT_BYTES_MAX, '1', name);
    const [gateway, central, feed] = [text('id of the gateway'), text('name of the central'), text('id of the feed')];
    const [from, partial] = [input.varint(), input.u8()];
    if (partial > 1) throw invalid('1', `byte ${partial} where 0 or 1 says whether it is partial`);
    this.head = { gateway, central, feed, from, isPartial: partial === 1 };
    if (input.remaining > 0) throw invalid('1', `${input.remaining} bytes follow the head`);
  }

  /**
   * Chunks in their order, the end included; each was found whole when it comes.
   * @throws CaissonError `courier-invalid` where one does not open, or the file ends before its end
   */
  *chunks(key: KeyObject): Generator<{ readonly kind: number; readonly content: Uint8Array }> {
    this.#key ??= this.#derived(key, CONTENT);
    for (let kind = KNOWN_BEFORE; kind !== END; ) {
      const length = chunkLength(this.#exactly(4, '3'));
      const chunk = this.#opened(kind, this.#exactly(length, '3'), this.#key);
      this.#chunks += 1;
      kind = chunk.kind;
      yield chunk;
    }
    if (this.#read(1).length > 0) throw invalid('3', 'bytes follow the end');
  }

  /** What the answer is sealed with, for who has the key of the central. */
  answerKey(key: KeyObject): Uint8Array {
    return this.#derived(key, ANSWER);
  }

  #derived(key: KeyObject, purpose: string): Uint8Array {
    const publicKey = publicKeyOfRaw(this.#ephemeral, 'x25519');
    return derivedKey(diffieHellman({ privateKey: key, publicKey }), this.#beginning, purpose);
  }

  /** A chunk is of the kind of the one before, or of a later one. */
  #opened(kind: number, sealed: Buffer, key: Uint8Array): { readonly kind: number; readonly content: Uint8Array } {
    for (let each = kind; each <= END; each += 1) {
      const decipher = createDecipheriv(CIPHER, key, nonceOf(each, this.#chunks));
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      const content = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
      try {
        return { kind: each, content: Buffer.concat([content, decipher.final()]) };
      } catch {
        // It may be of the next kind.
      }
    }
    throw invalid('3', `chunk ${this.#chunks} does not open: it was changed, or is for another key`);
  }

  #exactly(length: number, clause: string): Buffer {
    const bytes = this.#read(length);
    if (bytes.length < length) throw invalid(clause, 'the file was cut');
    return Buffer.from(bytes);
  }
}

function derivedKey(secret: Uint8Array, beginning: Uint8Array, purpose: string): Uint8Array {
  const salt = createHash('sha256').update(beginning).digest();
  return new Uint8Array(hkdfSync('sha256', secret, salt, purpose, KEY_BYTES));
}

function nonceOf(kind: number, chunk: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt8(kind, 0);
  nonce.writeUInt32LE(chunk % 2 ** 32, 4);
  nonce.writeUInt32LE(Math.floor(chunk / 2 ** 32), 8);
  return nonce;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function invalid(clause: string, problem: string): CaissonError {
  return new CaissonError('courier-invalid', `COURIER-${clause}: ${problem}`);
}
