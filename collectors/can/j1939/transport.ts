import { groupOf, PACKET_BYTES, packetsOf } from './assemblies.ts';
import type { J1939Id } from './pgn.ts';
import { SegmentedTransport } from './segmented-transport.ts';

/** Group of the connection management (TP.CM) and of the data (TP.DT) of SAE J1939-21. */
export const TRANSPORT_CONTROL = 0xec00;
export const TRANSPORT_DATA = 0xeb00;

const REQUEST_TO_SEND = 16;
const ANNOUNCE = 32;

const MESSAGE_BYTES_MAX = 255 * PACKET_BYTES;
const MESSAGE_BYTES_MIN = 9;
/** Messages under way at once. */
const MESSAGES_MAX = 256;

/** Puts messages of up to 1785 bytes together, those to all (BAM) and those to one node (RTS/CTS). */
export class J1939Transport extends SegmentedTransport {
  /** @param fail told the reason of each message that was lost */
  constructor(fail: (reason: string) => void) {
    super(TRANSPORT_DATA, MESSAGES_MAX, fail);
  }

  protected control(id: J1939Id, view: DataView, at: number, time: number): void {
    const control = view.getUint8(at);
    if (control !== REQUEST_TO_SEND && control !== ANNOUNCE) return;
    this.assemblies.supersede(id);
    const length = view.getUint16(at + 1, true);
    const packets = view.getUint8(at + 3);
    const possible = length >= MESSAGE_BYTES_MIN && length <= MESSAGE_BYTES_MAX;
    if (!possible || packets !== packetsOf(length)) {
      this.fail('transport-malformed');
      return;
    }
    const start = { pgn: groupOf(view, at), source: id.source, length };
    this.assemblies.begin(id, start, { offset: 0, packets }, time);
  }
}
