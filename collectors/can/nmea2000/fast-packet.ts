import { FRAME_BYTES_MAX } from '../../../hardware/can/can-frame.ts';
import type { J1939Id } from '../j1939/pgn.ts';

/** Bytes of a message: six in its first frame, seven in each of at most 31 that follow. */
const FIRST_BYTES = 6;
const NEXT_BYTES = 7;
const FRAMES_MAX = 32;
export const FAST_PACKET_BYTES_MAX = FIRST_BYTES + (FRAMES_MAX - 1) * NEXT_BYTES;

/** Longest silence within a message, microseconds. */
const SILENCE_MAX_US = 750_000;
/** Bytes behind a message that a decoder may read. */
const GUARD_BYTES = FRAME_BYTES_MAX;
/** Messages under way at once. At the maximum the oldest is given up, reason `fast-packet-unfinished`. */
const MESSAGES_MAX = 256;

/** A whole message: the first `length` bytes of the view. */
export interface FastMessage {
  readonly view: DataView;
  readonly length: number;
}

interface Assembly extends FastMessage {
  /** Counts the messages of a sender, 0 to 7. */
  readonly sequence: number;
  /** Bit n: frame n is there. */
  frames: number;
  missing: number;
  lastTime: number;
}

/**
 * Puts the fast packets of NMEA 2000 together: messages of up to 223 bytes in frames that say which message of their sender
 * they are of, and which frame of it. Frames of one message may come in any order and again behind its first. A sender has
 * one message of a group under way at a time, so that frames of another one end it: parts of two never become one.
 */
export class FastPackets {
  readonly #fail: (reason: string) => void;
  /** By group, source and destination, the oldest first. */
  readonly #assemblies = new Map<number, Assembly>();

  /** @param fail told the reason of each message that was lost, and of each frame that belongs to none */
  constructor(fail: (reason: string) => void) {
    this.#fail = fail;
  }

  /**
   * Takes the `length` bytes at `at`.
   * @param time microseconds; NaN where it is not known
   * @returns the message that the frame completes
   */
  take(id: J1939Id, view: DataView, at: number, length: number, time: number): FastMessage | undefined {
    const key = (id.pgn * 256 + id.source) * 256 + id.destination;
    if (length < 2) {
      this.#fail('fast-packet-malformed');
      return undefined;
    }
    const head = view.getUint8(at);
    const sequence = head >> 5;
    const frame = head & 0x1f;
    if (frame === 0) return this.#begin(key, sequence, view, at, length, time);
    return this.#goOn(key, sequence, frame, view, at, length, time);
  }

  #begin(
    key: number,
    sequence: number,
    view: DataView,
    at: number,
    length: number,
    time: number,
  ): FastMessage | undefined {
    this.#giveUp(key, 'fast-packet-unfinished');
    this.#giveUpOld(time);
    const size = view.getUint8(at + 1);
    const first = Math.min(size, FIRST_BYTES);
    if (size === 0 || size > FAST_PACKET_BYTES_MAX || length < 2 + first) {
      this.#fail('fast-packet-malformed');
      return undefined;
    }
    const message = { view: new DataView(new ArrayBuffer(size + GUARD_BYTES)), length: size };
    copy(view, at + 2, message.view, 0, first);
    if (size <= FIRST_BYTES) return message;
    if (this.#assemblies.size === MESSAGES_MAX) {
      for (const oldest of this.#assemblies.keys()) {
        this.#giveUp(oldest, 'fast-packet-unfinished');
        break;
      }
    }
    const missing = Math.ceil((size - FIRST_BYTES) / NEXT_BYTES);
    this.#assemblies.set(key, { ...message, sequence, frames: 1, missing, lastTime: time });
    return undefined;
  }

  #goOn(
    key: number,
    sequence: number,
    frame: number,
    view: DataView,
    at: number,
    length: number,
    time: number,
  ): FastMessage | undefined {
    const assembly = this.#assemblies.get(key);
    if (assembly === undefined || assembly.sequence !== sequence) {
      // The first frame of this message was lost, and the one before it will not be gone on with.
      this.#giveUp(key, 'fast-packet-unfinished');
      this.#fail('fast-packet-without-start');
      return undefined;
    }
    if (time - assembly.lastTime > SILENCE_MAX_US) return this.#giveUp(key, 'fast-packet-timeout');
    const start = FIRST_BYTES + (frame - 1) * NEXT_BYTES;
    const needed = Math.min(NEXT_BYTES, assembly.length - start);
    if (needed <= 0 || length < 1 + needed) return this.#giveUp(key, 'fast-packet-malformed');
    copy(view, at + 1, assembly.view, start, needed);
    assembly.lastTime = time;
    if ((assembly.frames & (1 << frame)) === 0) assembly.missing -= 1;
    assembly.frames |= 1 << frame;
    if (assembly.missing > 0) return undefined;
    this.#assemblies.delete(key);
    return assembly;
  }

  /** Gives up those that were begun first and have been silent for too long. */
  #giveUpOld(time: number): void {
    for (const [key, { lastTime }] of this.#assemblies) {
      if (!(time - lastTime > SILENCE_MAX_US)) return;
      this.#giveUp(key, 'fast-packet-timeout');
    }
  }

  #giveUp(key: number, reason: string): undefined {
    if (this.#assemblies.delete(key)) this.#fail(reason);
    return undefined;
  }
}

function copy(source: DataView, from: number, target: DataView, to: number, count: number): void {
  for (let k = 0; k < count; k++) target.setUint8(to + k, source.getUint8(from + k));
}
