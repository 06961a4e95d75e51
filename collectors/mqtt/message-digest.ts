import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Message, Sender } from './message.ts';

/** Bytes of a digest. */
const DIGEST_BYTES = 16;
const SCRATCH_BYTES_MIN = 1024;

/** Makes the identities of messages, by which repeats are recognised. */
export class MessageDigest {
  readonly #digest = new Uint8Array(DIGEST_BYTES);
  /** Where what is hashed is put together; as large as the largest message. */
  #scratch = Buffer.alloc(SCRATCH_BYTES_MIN);

  /**
   * Identity of a message over connections and restarts: 16 bytes of a hash over who sent it, under which packet id, and what it
   * says. They are the caller's until the next call.
   */
  of({ identity }: Sender, { packet, bodyAt, qos }: Message): Uint8Array {
    const length = identity.length + 1 + packet.length - bodyAt;
    if (this.#scratch.length < length) this.#scratch = Buffer.alloc(length * 2);
    identity.copy(this.#scratch);
    this.#scratch[identity.length] = qos;
    // From its topic on a PUBLISH has all that tells it from others: topic, packet id, payload (MQTT-3.3.2, MQTT-3.3.3).
    packet.copy(this.#scratch, identity.length + 1, bodyAt);
    // As a string, because a Buffer for the result costs three times the hash.
    const hashed = hash('sha1', this.#scratch.subarray(0, length), 'binary');
    for (let at = 0; at < DIGEST_BYTES; at += 1) this.#digest[at] = hashed.charCodeAt(at);
    return this.#digest;
  }
}
