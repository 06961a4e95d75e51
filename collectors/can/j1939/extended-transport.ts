import { Assemblies, FRAME_BYTES, groupOf, type TransportMessage } from './assemblies.ts';
import type { J1939Id } from './pgn.ts';

/** Group of the connection management (ETP.CM) and of the data (ETP.DT) of SAE J1939-21 and ISO 11783-3. */
export const EXTENDED_CONTROL = 0xc800;
export const EXTENDED_DATA = 0xc700;

const REQUEST_TO_SEND = 20;
const DATA_OFFSET = 22;
const ABORT = 255;

const MESSAGE_BYTES_MIN = 1786;
/** Bytes of a message that is put together. The protocol allows 112 MiB; what is longer is counted, `transport-too-long`. */
const MESSAGE_BYTES_MAX = 65_535;
/** Messages under way at once. */
const MESSAGES_MAX = 16;

/**
 * Puts messages of more than 1785 bytes together. They go to one node in windows of up to 255 packets, of which each begins
 * with its offset. It only listens.
 */
export class ExtendedTransport {
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
    return id.pgn === EXTENDED_DATA ? this.#assemblies.groupUnderWay(id) : groupOf(view, at);
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
    if (id.pgn === EXTENDED_DATA) return this.#assemblies.takePacket(id, view, at, time);
    const control = view.getUint8(at);
    if (control === REQUEST_TO_SEND) this.#begin(id, view, at, time);
    if (control === DATA_OFFSET) {
      const offset = view.getUint16(at + 2, true) + view.getUint8(at + 4) * 0x10000;
      this.#assemblies.moveWindow(id, { offset, packets: view.getUint8(at + 1) }, time);
    }
    if (control === ABORT) this.#assemblies.abort(id);
    return undefined;
  }

  #begin(id: J1939Id, view: DataView, at: number, time: number): void {
    this.#assemblies.supersede(id);
    const length = view.getUint32(at + 1, true);
    if (length < MESSAGE_BYTES_MIN) {
      this.#fail('transport-malformed');
      return;
    }
    const isKept = length <= MESSAGE_BYTES_MAX;
    if (!isKept) this.#fail('transport-too-long');
    const start = { pgn: groupOf(view, at), source: id.source, length };
    this.#assemblies.begin(id, start, isKept ? { offset: 0, packets: 0 } : undefined, time);
  }
}
