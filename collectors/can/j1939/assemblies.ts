import { FRAME_BYTES_MAX } from '../../../hardware/can/can-frame.ts';
import type { J1939Id } from './pgn.ts';

/** Bytes of a frame of both transport protocols of SAE J1939-21, and of those that belong to the message. */
export const FRAME_BYTES = 8;
export const PACKET_BYTES = 7;
/** Bytes behind a message that a decoder may read. */
const GUARD_BYTES = FRAME_BYTES_MAX;
/** Longest silence within a message (T2), microseconds. */
const SILENCE_MAX_US = 1_250_000;

/** A message of more than eight bytes; valid until the next call. */
export interface TransportMessage {
  readonly pgn: number;
  readonly source: number;
  readonly view: DataView;
  readonly length: number;
}

/** What the start of a message tells of it. */
export interface MessageStart {
  readonly pgn: number;
  readonly source: number;
  /** Bytes of the message. */
  readonly length: number;
}

/** Which packets are being sent: so many, after so many that were sent before. */
export interface PacketWindow {
  readonly offset: number;
  readonly packets: number;
}

interface Assembly {
  readonly start: MessageStart;
  /** Undefined where the message is too long to be kept: its packets are passed over. */
  readonly view: DataView | undefined;
  /** By number of the packet, from 0. */
  readonly isThere: Uint8Array;
  missing: number;
  window: PacketWindow;
  lastTime: number;
}

/**
 * The messages that are under way on a bus, one for each source and destination. Their packets are numbered from 1 in the
 * window that is being sent and may come again. Each that is lost is told by its reason.
 */
export class Assemblies {
  readonly #max: number;
  readonly #fail: (reason: string) => void;
  /** By source and destination, the oldest first. */
  readonly #byPair = new Map<number, Assembly>();

  /**
   * @param max messages under way at once; at the maximum the oldest is given up, reason `transport-unfinished`
   * @param fail told the reason of each message that was lost
   */
  constructor(max: number, fail: (reason: string) => void) {
    this.#max = max;
    this.#fail = fail;
  }

  /** Gives up the message that has not ended where another of the same two nodes begins. */
  supersede(id: J1939Id): void {
    this.#giveUp(pairOf(id), 'transport-unfinished');
  }

  /** @param window the packets that follow at once; undefined where the message is passed over, which the caller has counted */
  begin(id: J1939Id, start: MessageStart, window: PacketWindow | undefined, time: number): void {
    if (this.#byPair.size === this.#max) {
      for (const oldest of this.#byPair.keys()) {
        this.#giveUp(oldest, 'transport-unfinished');
        break;
      }
    }
    const packets = window === undefined ? 0 : packetsOf(start.length);
    this.#byPair.set(pairOf(id), {
      start,
      view: window && new DataView(new ArrayBuffer(packets * PACKET_BYTES + GUARD_BYTES)),
      isThere: new Uint8Array(packets),
      missing: packets,
      window: window ?? { offset: 0, packets: 0 },
      lastTime: time,
    });
  }

  /** The group of the message that a packet of these two nodes is of; undefined where none is under way. */
  groupUnderWay(id: J1939Id): number | undefined {
    return this.#byPair.get(pairOf(id))?.start.pgn;
  }

  moveWindow(id: J1939Id, window: PacketWindow, time: number): void {
    const assembly = this.#underWay(pairOf(id), time);
    if (assembly !== undefined) assembly.window = window;
  }

  /**
   * Takes a packet, which begins at `at`.
   * @returns the message that it completes
   */
  takePacket(id: J1939Id, view: DataView, at: number, time: number): TransportMessage | undefined {
    const pair = pairOf(id);
    const assembly = this.#underWay(pair, time);
    if (assembly?.view === undefined) return undefined;
    const { start, view: bytes, isThere, window } = assembly;
    const inWindow = view.getUint8(at);
    const packet = window.offset + inWindow - 1;
    if (inWindow === 0 || inWindow > window.packets || packet >= isThere.length) {
      this.#giveUp(pair, 'transport-malformed');
      return undefined;
    }
    if (isThere[packet] === 0) assembly.missing -= 1;
    isThere[packet] = 1;
    for (let k = 0; k < PACKET_BYTES; k++) bytes.setUint8(packet * PACKET_BYTES + k, view.getUint8(at + 1 + k));
    if (assembly.missing > 0) return undefined;
    this.#byPair.delete(pair);
    return { pgn: start.pgn, source: start.source, view: bytes, length: start.length };
  }

  /** Either of the two nodes may end a message. */
  abort(id: J1939Id): void {
    this.#giveUp(pairOf(id), 'transport-aborted');
    this.#giveUp(id.destination * 256 + id.source, 'transport-aborted');
  }

  #underWay(pair: number, time: number): Assembly | undefined {
    const assembly = this.#byPair.get(pair);
    if (assembly === undefined) {
      this.#fail('transport-without-start');
      return undefined;
    }
    if (time - assembly.lastTime > SILENCE_MAX_US) {
      this.#giveUp(pair, 'transport-timeout');
      return undefined;
    }
    assembly.lastTime = time;
    return assembly;
  }

  /** A message that is passed over was counted when it began. */
  #giveUp(pair: number, reason: string): void {
    const assembly = this.#byPair.get(pair);
    this.#byPair.delete(pair);
    if (assembly?.view !== undefined) this.#fail(reason);
  }
}

/** Packets of a message of so many bytes. */
export function packetsOf(length: number): number {
  return Math.ceil(length / PACKET_BYTES);
}

/** The group of the message that a frame of connection management, which begins at `at`, tells of. */
export function groupOf(view: DataView, at: number): number {
  return view.getUint16(at + 5, true) + (view.getUint8(at + 7) & 3) * 0x10000;
}

function pairOf({ source, destination }: J1939Id): number {
  return source * 256 + destination;
}
