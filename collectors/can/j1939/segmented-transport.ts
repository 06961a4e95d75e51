import { Assemblies, FRAME_BYTES, groupOf, type TransportMessage } from './assemblies.ts';
import type { J1939Id } from './pgn.ts';

const ABORT = 255;

/** What puts messages together that come in several frames: a group tells of them, another carries their packets. It only listens. */
export abstract class SegmentedTransport {
  protected readonly fail: (reason: string) => void;
  protected readonly assemblies: Assemblies;
  readonly #dataGroup: number;

  /**
   * @param dataGroup the group of the packets
   * @param messagesMax messages under way at once
   * @param fail told the reason of each message that was lost
   */
  constructor(dataGroup: number, messagesMax: number, fail: (reason: string) => void) {
    this.#dataGroup = dataGroup;
    this.fail = fail;
    this.assemblies = new Assemblies(messagesMax, fail);
  }

  /** The group of the message that a frame of one of the two groups is a part of; undefined where that is not known. */
  groupOf(id: J1939Id, view: DataView, at: number, length: number): number | undefined {
    if (length !== FRAME_BYTES) return undefined;
    return id.pgn === this.#dataGroup ? this.assemblies.groupUnderWay(id) : groupOf(view, at);
  }

  /**
   * Takes a frame of one of the two groups, its data at `at`.
   * @param time microseconds; NaN where it is not known
   * @returns the message that it completes
   */
  take(id: J1939Id, view: DataView, at: number, length: number, time: number): TransportMessage | undefined {
    if (length !== FRAME_BYTES) {
      this.fail('transport-malformed');
      return undefined;
    }
    if (id.pgn === this.#dataGroup) return this.assemblies.takePacket(id, view, at, time);
    if (view.getUint8(at) === ABORT) this.assemblies.abort(id);
    else this.control(id, view, at, time);
    return undefined;
  }

  /** Takes a frame of the group that tells of messages, whose first byte says what of. */
  protected abstract control(id: J1939Id, view: DataView, at: number, time: number): void;
}
