/** Parts of ISO 15765-2 by the high half of a frame's first byte. */
const SINGLE = 0;
const FIRST = 1;
const CONSECUTIVE = 2;

/** Longest message, bytes: what twelve bits say. Longer ones, which only programming needs, are counted. */
const MESSAGE_BYTES_MAX = 4095;
/** A frame of CAN FD says longer lengths in further bytes. */
const CLASSIC_BYTES_MAX = 8;
/** Longest silence within a message (N_Cr), microseconds. */
const SILENCE_MAX_US = 1_000_000;
/** Messages under way at once. At the maximum the oldest is given up, reason `isotp-unfinished`. */
const MESSAGES_MAX = 64;

interface Assembly {
  readonly bytes: Uint8Array;
  count: number;
  /** Number that the next frame must have, 0 to 15. */
  next: number;
  lastTime: number;
}

/** Puts the messages of ISO-TP (ISO 15765-2, normal addressing) together by listening: it sends no flow control. */
export class IsoTp {
  readonly #fail: (reason: string) => void;
  /** By identifier, the oldest first. */
  readonly #assemblies = new Map<number, Assembly>();

  /** @param fail told the reason of each message that was lost */
  constructor(fail: (reason: string) => void) {
    this.#fail = fail;
  }

  /**
   * Takes the data of a frame.
   * @param key of the identifier
   * @param time microseconds; NaN where it is not known
   * @returns the message that it completes
   */
  take(key: number, data: Uint8Array, time: number): Uint8Array | undefined {
    const first = data[0];
    if (first === undefined) return this.#lose(key, 'isotp-malformed');
    switch (first >> 4) {
      case SINGLE:
        return this.#single(key, data);
      case FIRST:
        return this.#begin(key, data, time);
      case CONSECUTIVE:
        return this.#goOn(key, data, time);
      default:
        // Flow control, which goes the other way.
        return undefined;
    }
  }

  #single(key: number, data: Uint8Array): Uint8Array | undefined {
    if (this.#assemblies.has(key)) this.#lose(key, 'isotp-unfinished');
    const short = (data[0] ?? 0) & 0x0f;
    const isLong = short === 0 && data.length > CLASSIC_BYTES_MAX;
    const length = isLong ? (data[1] ?? 0) : short;
    const at = isLong ? 2 : 1;
    if (length === 0 || at + length > data.length) return this.#lose(key, 'isotp-malformed');
    return data.subarray(at, at + length);
  }

  #begin(key: number, data: Uint8Array, time: number): undefined {
    if (this.#assemblies.has(key)) this.#lose(key, 'isotp-unfinished');
    const length = (((data[0] ?? 0) & 0x0f) << 8) | (data[1] ?? 0);
    if (length < CLASSIC_BYTES_MAX || data.length < CLASSIC_BYTES_MAX)
      return this.#lose(key, length === 0 ? 'isotp-too-long' : 'isotp-malformed');
    if (this.#assemblies.size === MESSAGES_MAX) {
      for (const oldest of this.#assemblies.keys()) {
        this.#lose(oldest, 'isotp-unfinished');
        break;
      }
    }
    const bytes = new Uint8Array(Math.min(length, MESSAGE_BYTES_MAX));
    bytes.set(data.subarray(2));
    this.#assemblies.set(key, { bytes, count: data.length - 2, next: 1, lastTime: time });
  }

  #goOn(key: number, data: Uint8Array, time: number): Uint8Array | undefined {
    const assembly = this.#assemblies.get(key);
    if (assembly === undefined) return this.#lose(key, 'isotp-without-start');
    if (time - assembly.lastTime > SILENCE_MAX_US) return this.#lose(key, 'isotp-timeout');
    if (((data[0] ?? 0) & 0x0f) !== assembly.next) return this.#lose(key, 'isotp-out-of-order');
    const part = data.subarray(1, 1 + assembly.bytes.length - assembly.count);
    assembly.bytes.set(part, assembly.count);
    assembly.count += part.length;
    assembly.next = (assembly.next + 1) & 0x0f;
    assembly.lastTime = time;
    if (assembly.count < assembly.bytes.length) return undefined;
    this.#assemblies.delete(key);
    return assembly.bytes;
  }

  #lose(key: number, reason: string): undefined {
    this.#assemblies.delete(key);
    this.#fail(reason);
    return undefined;
  }
}
