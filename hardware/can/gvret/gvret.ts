import { Buffer } from 'node:buffer';
import type { ReasonCounts } from '../can-bus.ts';
import {
  EXTENDED_ID_MAX,
  FD_LENGTHS,
  FRAME_EXTENDED,
  FRAME_FD,
  type FrameBatch,
  STANDARD_ID_MAX,
} from '../can-frame.ts';
import { InterfaceNames } from '../interface-names.ts';

/**
 * GVRET, the binary protocol of EVTV, Macchina M2RET and ESP32RET adapters, as SavvyCAN speaks it (collin80/GVRET,
 * CommProtocol.txt). Every packet begins with F1 and a command; numbers are little-endian. A frame is
 * `F1 00 time[4] id[4] bus<<4|length data`, of CAN FD `F1 14 time[4] id[4] length bus data`, and a byte behind either
 * that should be a checksum: adapters send 0 or nothing.
 */
const START = 0xf1;
const FRAME = 0x00;
const TIME = 0x01;
const SETUP = 0x05;
const PARAMETERS = 0x06;
const DEVICE = 0x07;
const ALIVE = 0x09;
const BUS_COUNT = 0x0c;
const EXTENDED_BUSES = 0x0d;
const FD_FRAME = 0x14;

/** Bytes behind the command of each answer. */
const ANSWER_BYTES: ReadonlyMap<number, number> = new Map([
  [TIME, 4],
  [PARAMETERS, 10],
  [DEVICE, 6],
  [ALIVE, 2],
  [BUS_COUNT, 1],
  [EXTENDED_BUSES, 15],
]);

const FRAME_HEADER_BYTES = 11;
const FD_HEADER_BYTES = 12;
const CLASSIC_BYTES_MAX = 8;

/** Buses that a classic frame can name. */
const BUSES_MAX = 16;

/** Flag of identifiers of 29 bits. */
const EXTENDED = 0x80000000;

const NOTHING = new Uint8Array(0);

/** What the adapter says of one of its first two buses. */
export interface GvretBusState {
  readonly isEnabled: boolean;
  readonly listenOnly: boolean;
  /** bit/s. */
  readonly bitrate: number;
}

/** What an adapter says that is no frame: that it is there, and how its first two buses are set up. */
export type GvretAnswer =
  | { readonly kind: 'alive' }
  | { readonly kind: 'buses'; readonly buses: readonly [GvretBusState, GvretBusState] };

/** Frames out of what an adapter sends, fed in pieces of any length. What only looks like a packet costs its first byte. */
export class GvretDecoder {
  readonly interfaces = new InterfaceNames();
  readonly #reasons: ReasonCounts;
  readonly #onAnswer: (answer: GvretAnswer) => void;
  readonly #clock = new AdapterClock();
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  /** Begin of a packet whose rest has not come: less than a CAN FD frame of 64 bytes takes, which is 76. */
  #carry: Uint8Array = NOTHING;
  /** A frame has ended: a byte may follow that should be its checksum. */
  #isBehindFrame = false;
  /** Bytes that belong to no packet have been counted, up to the next beginning of one. */
  #isStray = false;

  constructor(reasons: ReasonCounts, onAnswer: (answer: GvretAnswer) => void) {
    this.#reasons = reasons;
    this.#onAnswer = onAnswer;
    this.interfaces.indexOf('can0');
  }

  /** Takes a piece, which must stay as it is until {@link read} has returned false. */
  feed(bytes: Uint8Array): void {
    this.#bytes = this.#carry.length === 0 ? bytes : Buffer.concat([this.#carry, bytes]);
    this.#at = 0;
  }

  /** Adds frames to the batch: true when it is full, false when what was fed is used up. Times are the adapter's own. */
  read(batch: FrameBatch): boolean {
    while (this.#at < this.#bytes.length) {
      if (batch.full) return true;
      const taken = this.#bytes[this.#at] === START ? this.#packet(batch) : this.#strayBytes();
      if (taken === undefined) break;
      this.#at += taken;
    }
    // A copy: what was fed is not ours afterwards, and a Buffer's own slice would be a view of it.
    this.#carry = Uint8Array.from(this.#bytes.subarray(this.#at));
    return false;
  }

  /** Forgets a packet that has begun: the port was opened anew. */
  reset(): void {
    this.#carry = NOTHING;
    this.#isBehindFrame = false;
    this.#isStray = false;
  }

  #strayBytes(): number {
    if (this.#isBehindFrame) {
      this.#isBehindFrame = false;
      return 1;
    }
    const next = this.#bytes.indexOf(START, this.#at);
    if (!this.#isStray) this.#reasons.add('stray-bytes');
    this.#isStray = true;
    return (next < 0 ? this.#bytes.length : next) - this.#at;
  }

  /** Reads the packet that begins here; returns its length, or undefined where it has not come whole. */
  #packet(batch: FrameBatch): number | undefined {
    const bytes = this.#bytes;
    const at = this.#at;
    const command = bytes[at + 1];
    if (command === undefined) return undefined;
    if (command === FRAME || command === FD_FRAME) return this.#frame(command === FD_FRAME, batch);
    const length = ANSWER_BYTES.get(command);
    if (length === undefined) {
      // A checksum may be what a packet begins with, too.
      if (this.#isBehindFrame && command === START) return this.#end(1);
      return this.#refuse('unknown-command');
    }
    if (at + 2 + length > bytes.length) return undefined;
    if (command === ALIVE && (bytes[at + 2] !== 0xde || bytes[at + 3] !== 0xad)) return this.#refuse('unknown-command');
    this.#onAnswer(command === PARAMETERS ? busesOf(bytes, at + 2) : { kind: 'alive' });
    return this.#end(2 + length);
  }

  #frame(isFd: boolean, batch: FrameBatch): number | undefined {
    const bytes = this.#bytes;
    const at = this.#at;
    const header = isFd ? FD_HEADER_BYTES : FRAME_HEADER_BYTES;
    if (at + header > bytes.length) return undefined;
    const word = bytes[at + 10] as number;
    const length = isFd ? word : word & 0x0f;
    const bus = isFd ? (bytes[at + 11] as number) : word >> 4;
    if (!(isFd ? FD_LENGTHS.includes(length) : length <= CLASSIC_BYTES_MAX)) return this.#refuse('bad-length');
    if (bus >= BUSES_MAX) return this.#refuse('bad-bus');
    const idWord = readU32(bytes, at + 6);
    const isExtended = idWord >= EXTENDED;
    const id = isExtended ? idWord - EXTENDED : idWord;
    if (id > (isExtended ? EXTENDED_ID_MAX : STANDARD_ID_MAX)) return this.#refuse('bad-id');
    if (at + header + length > bytes.length) return undefined;
    const time = this.#clock.time(readU32(bytes, at + 2));
    batch.add(id, (isExtended ? FRAME_EXTENDED : 0) | (isFd ? FRAME_FD : 0), bytes, at + header, length, time);
    batch.interfaces[batch.count - 1] = this.interfaces.numbered(bus);
    this.#end(0);
    this.#isBehindFrame = true;
    return header + length;
  }

  #end(length: number): number {
    this.#isBehindFrame = false;
    this.#isStray = false;
    return length;
  }

  #refuse(reason: string): number {
    this.#reasons.add(reason);
    this.#isBehindFrame = false;
    this.#isStray = true;
    return 1;
  }
}

/** Microseconds of a counter of 32 bits, which starts over every 71 minutes, as a number that goes on. */
export class AdapterClock {
  #last: number | undefined;
  #time = 0;

  /** Buses of one adapter may be told out of order, so a time may lie before the last. */
  time(counter: number): number {
    this.#time += this.#last === undefined ? counter : (counter - this.#last) | 0;
    this.#last = counter;
    return this.#time;
  }
}

function busesOf(bytes: Uint8Array, at: number): GvretAnswer {
  const busAt = (from: number): GvretBusState => {
    const flags = bytes[from] as number;
    return { isEnabled: (flags & 0x0f) !== 0, listenOnly: (flags & 0x10) !== 0, bitrate: readU32(bytes, from + 1) };
  };
  return { kind: 'buses', buses: [busAt(at), busAt(at + 5)] };
}

function readU32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
  return low + (bytes[at + 3] as number) * 0x1000000;
}

/** What makes an adapter speak binary and tell what it is: E7 twice, then the questions that SavvyCAN asks. */
export const GVRET_HELLO: Uint8Array = Uint8Array.of(
  ...[0xe7, 0xe7],
  ...[BUS_COUNT, DEVICE, TIME, ALIVE].flatMap((command) => [START, command]),
);

/** Asks whether the adapter is still there, and makes one that was reset speak binary again. */
export const GVRET_KEEP_ALIVE: Uint8Array = Uint8Array.of(0xe7, 0xe7, START, ALIVE);

/** Asks how the first two buses are set up. */
export const GVRET_ASK_BUSES: Uint8Array = Uint8Array.of(START, PARAMETERS);

/** How one of the first two buses is to be set up. */
export interface GvretBusSetup {
  /** bit/s. */
  readonly bitrate: number;
  /** Neither sends nor acknowledges: invisible to the bus. */
  readonly listenOnly: boolean;
}

/** Flags of a speed on setting up: that flags follow, that the bus is on, that it only listens. */
const HAS_FLAGS = 0x80000000;
const IS_ON = 0x40000000;
const LISTENS_ONLY = 0x20000000;

/** Sets up the first two buses; one that is undefined is switched off. */
export function encodeGvretSetup(first: GvretBusSetup, second: GvretBusSetup | undefined): Uint8Array {
  const out = Buffer.alloc(11);
  out[0] = START;
  out[1] = SETUP;
  out.writeUInt32LE(setupWord(first), 2);
  out.writeUInt32LE(second === undefined ? HAS_FLAGS : setupWord(second), 6);
  return out;
}

function setupWord({ bitrate, listenOnly }: GvretBusSetup): number {
  return HAS_FLAGS + IS_ON + (listenOnly ? LISTENS_ONLY : 0) + bitrate;
}

/** A classic data frame of at most eight bytes, to be sent onto a bus. */
export function encodeGvretSend(bus: number, id: number, flags: number, data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(9 + data.length);
  out[0] = START;
  out[1] = FRAME;
  out.writeUInt32LE(id + ((flags & FRAME_EXTENDED) === 0 ? 0 : EXTENDED), 2);
  out[6] = bus;
  out[7] = data.length;
  out.set(data, 8);
  return out;
}
