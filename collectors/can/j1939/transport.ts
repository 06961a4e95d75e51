import { Assemblies, FRAME_BYTES, groupOf, PACKET_BYTES, packetsOf, type TransportMessage } from './assemblies.ts';
import type { J1939Id } from './pgn.ts';

/** Group of the connection management (TP.CM) and of the data (TP.DT) of SAE J1939-21. */
export const TRANSPORT_CONTROL = 0xec00;
export const TRANSPORT_DATA = 0xeb00;

const REQUEST_TO_SEND = 16;
const ANNOUNCE = 32;
const ABORT = 255;

const MESSAGE_BYTES_MAX = 255 * PACKET_BYTES;
const MESSAGE_BYTES_MIN = 9;
/** Messages under way at once. */
const MESSAGES_MAX = 256;

/** Puts messages of up to 1785 bytes together, those to all (BAM) and those to one node (RTS/CTS). It only listens. */
export class J1939Transport {
  readonly #fail: (reason: string) => void;
  readonly #assemblies: Assemblies;

  /** @param fail told the reason of each message that was lost */
  constructor(fail: (reason: string) => void) {
    this.#fail = fail;
    this.#assemblies = new Assemblies(MESSAGES_MAX, fail);
  }

  /** The group of the message that a frame of one of the two groups is a part of; undefined where that is not known. */
  groupOf(id: J1939Id, view: DataView, at: number, length: number): number | undefined {
    if (length !== FRAME_BYTES) return undefined;
    return id.pgn === TRANSPORT_DATA ? this.#assemblies.groupUnderWay(id) : groupOf(view, at);
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
    if (id.pgn === TRANSPORT_DATA) return this.#assemblies.takePacket(id, view, at, time);
    const control = view.getUint8(at);
    if (control === REQUEST_TO_SEND || control === ANNOUNCE) this.#begin(id, view, at, time);
    if (control === ABORT) this.#assemblies.abort(id);
    return undefined;
  }

  #begin(id: J1939Id, view: DataView, at: number, time: number): void {
    this.#assemblies.supersede(id);
    const length = view.getUint16(at + 1, true);
    const packets = view.getUint8(at + 3);
    const possible = length >= MESSAGE_BYTES_MIN && length <= MESSAGE_BYTES_MAX;
    if (!possible || packets !== packetsOf(length)) {
      this.#fail('transport-malformed');
      return;
    }
    const start = { pgn: groupOf(view, at), source: id.source, length };
    this.#assemblies.begin(id, start, { offset: 0, packets }, time);
  }
}
