import { groupOf } from './assemblies.ts';
import type { J1939Id } from './pgn.ts';
import { SegmentedTransport } from './segmented-transport.ts';

/** Group of the connection management (ETP.CM) and of the data (ETP.DT) of SAE J1939-21 and ISO 11783-3. */
export const EXTENDED_CONTROL = 0xc800;
export const EXTENDED_DATA = 0xc700;

const REQUEST_TO_SEND = 20;
const DATA_OFFSET = 22;

const MESSAGE_BYTES_MIN = 1786;
/** Bytes of a message that is put together. The protocol allows 112 MiB; what is longer is counted, `transport-too-long`. */
const MESSAGE_BYTES_MAX = 65_535;
/** Messages under way at once. */
const MESSAGES_MAX = 16;

/**
 * Puts messages of more than 1785 bytes together. They go to one node in windows of up to 255 packets, of which each begins
 * with its offset.
 */
export class ExtendedTransport extends SegmentedTransport {
  /** @param fail told the reason of each message that was lost */
  constructor(fail: (reason: string) => void) {
    super(EXTENDED_DATA, MESSAGES_MAX, fail);
  }

  protected control(id: J1939Id, view: DataView, at: number, time: number): void {
    const control = view.getUint8(at);
    if (control === REQUEST_TO_SEND) this.#begin(id, view, at, time);
    if (control === DATA_OFFSET) {
      const offset = view.getUint16(at + 2, true) + view.getUint8(at + 4) * 0x10000;
      this.assemblies.moveWindow(id, { offset, packets: view.getUint8(at + 1) }, time);
    }
  }

  #begin(id: J1939Id, view: DataView, at: number, time: number): void {
    this.assemblies.supersede(id);
    const length = view.getUint32(at + 1, true);
    if (length < MESSAGE_BYTES_MIN) {
      this.fail('transport-malformed');
      return;
    }
    const isKept = length <= MESSAGE_BYTES_MAX;
    if (!isKept) this.fail('transport-too-long');
    const start = { pgn: groupOf(view, at), source: id.source, length };
    this.assemblies.begin(id, start, isKept ? { offset: 0, packets: 0 } : undefined, time);
  }
}
