import { FRAME_BYTES_MAX } from '../../../hardware/can/can-frame.ts';
import type { J1939Id } from './pgn.ts';

/** Group of the connection management (TP.CM) and of the data (TP.DT) of SAE J1939-21. */
export const TRANSPORT_CONTROL = 0xec00;
export const TRANSPORT_DATA = 0xeb00;

const REQUEST_TO_SEND = 16;
const ANNOUNCE = 32;
const ABORT = 255;

const FRAME_BYTES = 8;
const PACKET_BYTES = 7;
const MESSAGE_BYTES_MAX = 255 * PACKET_BYTES;
const MESSAGE_BYTES_MIN = 9;
/** Bytes behind a message that a decoder may read. */
const GUARD_BYTES = FRAME_BYTES_MAX;

/** Longest silence within a message (T2), microseconds. */
const SILENCE_MAX_US = 1_250_000;
/** Messages under way at once. At the maximum the oldest is given up, reason `transport-unfinished`. */
const MESSAGES_MAX = 256;

/** A message of more than eight bytes; valid until the next call. */
export interface TransportMessage {
  readonly pgn: number;
  readonly source: number;
  readonly view: DataView;
  readonly length: number;
}

interface Assembly {
  readonly pgn: number;
  readonly source: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** By number of the packet, from 0. */
  readonly isThere: Uint8Array;
  missing: number;
  lastTime: number;
}

/**
 * Puts messages of up to 1785 bytes together, those to all (BAM) and those to one node (RTS/CTS), of which packets may
 * come again. It only listens.
 */
export class J1939Transport {
  readonly #fail: (reason: string) => void;
  /** By source and destination, the oldest first. */
  readonly #assemblies = new Map<number, Assembly>();

  /** @param fail told the reason of each message that was lost */
  constructor(fail: (reason: string) => void) {
    this.#fail = fail;
  }

  /**
   * Takes a frame of one of the two groups, its data at `at`.
   * @param time microseconds; NaN where it is not known
   * @returns the message that it completes
   */
  take(id: J1939Id, view: DataView, at: number, length: number, time: number): TransportMessage | undefined {
    if (length !== FRAME_BYTES) {
      this.#fail('transport-malformed');
      return undefined;
    }
    const key = id.source * 256 + id.destination;
    if (id.pgn === TRANSPORT_DATA) return this.#takePacket(key, view, at, time);
    const control = view.getUint8(at);
    if (control === REQUEST_TO_SEND || control === ANNOUNCE) this.#begin(key, id.source, view, at, time);
    if (control === ABORT) {
      // Either of the two may end it.
      this.#giveUp(key, 'transport-aborted');
      this.#giveUp(id.destination * 256 + id.source, 'transport-aborted');
    }
    return undefined;
  }

  #begin(key: number, source: number, view: DataView, at: number, time: number): void {
    this.#giveUp(key, 'transport-unfinished');
    const length = view.getUint16(at + 1, true);
    const packets = view.getUint8(at + 3);
    const possible = length >= MESSAGE_BYTES_MIN && length <= MESSAGE_BYTES_MAX;
    if (!possible || packets !== Math.ceil(length / PACKET_BYTES)) {
      this.#fail('transport-malformed');
      return;
    }
    if (this.#assemblies.size === MESSAGES_MAX) {
      for (const oldest of this.#assemblies.keys()) {
        this.#giveUp(oldest, 'transport-unfinished');
        break;
      }
    }
    const pgn = view.getUint16(at + 5, true) + (view.getUint8(at + 7) & 3) * 0x10000;
    const bytes = new Uint8Array(packets * PACKET_BYTES + GUARD_BYTES);
    const isThere = new Uint8Array(packets);
    const assembled = new DataView(bytes.buffer);
    this.#assemblies.set(key, {
      ...{ pgn, source, length, bytes, view: assembled, isThere, missing: packets, lastTime: time },
    });
  }

  #takePacket(key: number, view: DataView, at: number, time: number): TransportMessage | undefined {
    const assembly = this.#assemblies.get(key);
    if (assembly === undefined) {
      this.#fail('transport-without-start');
      return undefined;
    }
    if (time - assembly.lastTime > SILENCE_MAX_US) {
      this.#giveUp(key, 'transport-timeout');
      return undefined;
    }
    const packet = view.getUint8(at) - 1;
    if (packet < 0 || packet >= assembly.isThere.length) {
      this.#giveUp(key, 'transport-malformed');
      return undefined;
    }
    assembly.lastTime = time;
    if (assembly.isThere[packet] === 0) assembly.missing -= 1;
    assembly.isThere[packet] = 1;
    for (let k = 0; k < PACKET_BYTES; k++) assembly.bytes[packet * PACKET_BYTES + k] = view.getUint8(at + 1 + k);
    if (assembly.missing > 0) return undefined;
    this.#assemblies.delete(key);
    return assembly;
  }

  #giveUp(key: number, reason: string): void {
    if (this.#assemblies.delete(key)) this.#fail(reason);
  }
}
