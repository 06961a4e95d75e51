import { FRAME_BYTES_MAX } from '../../../hardware/can/can-frame.ts';
import type { J1939Id } from './pgn.ts';
import type { TransportMessage } from './transport.ts';

/** Group of the connection management (ETP.CM) and of the data (ETP.DT) of SAE J1939-21 and ISO 11783-3. */
export const EXTENDED_CONTROL = 0xc800;
export const EXTENDED_DATA = 0xc700;

const REQUEST_TO_SEND = 20;
const DATA_OFFSET = 22;
const ABORT = 255;

const FRAME_BYTES = 8;
const PACKET_BYTES = 7;
const MESSAGE_BYTES_MIN = 1786;
/** Bytes of a message that is put together. The protocol allows 112 MiB; what is longer is counted, `transport-too-long`. */
const MESSAGE_BYTES_MAX = 65_535;
/** Bytes behind a message that a decoder may read. */
const GUARD_BYTES = FRAME_BYTES_MAX;
/** Longest silence within a message (T2), microseconds. */
const SILENCE_MAX_US = 1_250_000;
/** Messages under way at once. At the maximum the oldest is given up, reason `transport-unfinished`. */
const MESSAGES_MAX = 16;

interface Assembly {
  readonly pgn: number;
  readonly source: number;
  readonly length: number;
  /** Undefined where the message is too long to be kept: its packets are passed over. */
  readonly view: DataView | undefined;
  /** By number of the packet, from 0. */
  readonly isThere: Uint8Array;
  missing: number;
  /** Packets before the window that is being sent. */
  offset: number;
  /** Packets of that window. */
  window: number;
  lastTime: number;
}

/**
 * Puts messages of more than 1785 bytes together. They go to one node in windows of up to 255 packets, of which each begins
 * with its offset; packets may come again. It only listens.
 */
export class ExtendedTransport {
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
    if (id.pgn === EXTENDED_DATA) return this.#takePacket(key, view, at, time);
    const control = view.getUint8(at);
    if (control === REQUEST_TO_SEND) this.#begin(key, id.source, view, at, time);
    if (control === DATA_OFFSET) this.#moveWindow(key, view, at, time);
    if (control === ABORT) {
      // Either of the two may end it.
      this.#giveUp(key, 'transport-aborted');
      this.#giveUp(id.destination * 256 + id.source, 'transport-aborted');
    }
    return undefined;
  }

  #begin(key: number, source: number, view: DataView, at: number, time: number): void {
    this.#giveUp(key, 'transport-unfinished');
    const length = view.getUint32(at + 1, true);
    if (length < MESSAGE_BYTES_MIN) {
      this.#fail('transport-malformed');
      return;
    }
    const isKept = length <= MESSAGE_BYTES_MAX;
    if (!isKept) this.#fail('transport-too-long');
    if (this.#assemblies.size === MESSAGES_MAX) {
      for (const oldest of this.#assemblies.keys()) {
        this.#giveUp(oldest, 'transport-unfinished');
        break;
      }
    }
    const pgn = view.getUint16(at + 5, true) + (view.getUint8(at + 7) & 3) * 0x10000;
    const packets = isKept ? Math.ceil(length / PACKET_BYTES) : 0;
    this.#assemblies.set(key, {
      ...{ pgn, source, length, missing: packets, offset: 0, window: 0, lastTime: time },
      view: isKept ? new DataView(new ArrayBuffer(packets * PACKET_BYTES + GUARD_BYTES)) : undefined,
      isThere: new Uint8Array(packets),
    });
  }

  #moveWindow(key: number, view: DataView, at: number, time: number): void {
    const assembly = this.#underWay(key, time);
    if (assembly === undefined) return;
    assembly.window = view.getUint8(at + 1);
    assembly.offset = view.getUint16(at + 2, true) + view.getUint8(at + 4) * 0x10000;
    assembly.lastTime = time;
  }

  #takePacket(key: number, view: DataView, at: number, time: number): TransportMessage | undefined {
    const assembly = this.#underWay(key, time);
    if (assembly === undefined) return undefined;
    assembly.lastTime = time;
    const { view: bytes, isThere } = assembly;
    if (bytes === undefined) return undefined;
    const inWindow = view.getUint8(at);
    const packet = assembly.offset + inWindow - 1;
    if (inWindow === 0 || inWindow > assembly.window || packet >= isThere.length) {
      this.#giveUp(key, 'transport-malformed');
      return undefined;
    }
    if (isThere[packet] === 0) assembly.missing -= 1;
    isThere[packet] = 1;
    for (let k = 0; k < PACKET_BYTES; k++) bytes.setUint8(packet * PACKET_BYTES + k, view.getUint8(at + 1 + k));
    if (assembly.missing > 0) return undefined;
    this.#assemblies.delete(key);
    return { pgn: assembly.pgn, source: assembly.source, view: bytes, length: assembly.length };
  }

  #underWay(key: number, time: number): Assembly | undefined {
    const assembly = this.#assemblies.get(key);
    if (assembly === undefined) {
      this.#fail('transport-without-start');
      return undefined;
    }
    if (!(time - assembly.lastTime > SILENCE_MAX_US)) return assembly;
    this.#giveUp(key, 'transport-timeout');
    return undefined;
  }

  /** A message that is passed over was counted when it began. */
  #giveUp(key: number, reason: string): void {
    const assembly = this.#assemblies.get(key);
    this.#assemblies.delete(key);
    if (assembly?.view !== undefined) this.#fail(reason);
  }
}
