import { Buffer } from 'node:buffer';
import type { FrameBatch } from '../can-frame.ts';
import { ByteWindow } from './byte-window.ts';
import type { FrameDecoder, RecordingContext } from './frame-decoder.ts';
import { addSocketCan, LINKTYPE_CAN_SOCKETCAN } from './socketcan-packet.ts';
import { divideWide } from './wide-time.ts';

/** First block of a section; it reads the same both ways round. */
export const PCAPNG_SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE_BLOCK = 1;
const PACKET_BLOCK = 6;

/** Type and length in front, length behind. */
const BLOCK_BYTES_MIN = 12;
/** A block that claims to be longer is taken for damage. */
const BLOCK_BYTES_MAX = 1024 * 1024;
const PACKET_DATA_AT = 28;
const INTERFACE_OPTIONS_AT = 16;
/** Interfaces of a section that are remembered. */
const INTERFACES_MAX = 1024;

const OPTION_NAME = 2;
const OPTION_RESOLUTION = 9;
const OPTION_OFFSET = 14;

interface Capture {
  /** In the list of interfaces; -1 where it is one too many. */
  readonly index: number;
  /** False for other links than SocketCAN. */
  readonly isCan: boolean;
  /** UTC in microseconds out of the two words of a time. */
  readonly time: (high: number, low: number) => number;
}

/** Pcapng: packets of all interfaces whose link is SocketCAN. A damaged stretch is passed over up to the next whole block. */
export class PcapngLog implements FrameDecoder {
  readonly #context: RecordingContext;
  readonly #window = new ByteWindow();
  #little = true;
  #captures: Capture[] = [];
  #isSearching = false;
  #isEnding = false;

  constructor(context: RecordingContext) {
    this.#context = context;
  }

  feed(bytes: Uint8Array): void {
    this.#window.feed(bytes);
  }

  end(): void {
    this.#isEnding = true;
  }

  read(batch: FrameBatch): boolean {
    const window = this.#window;
    while (!batch.full) {
      if (window.length < BLOCK_BYTES_MIN) return this.#finish();
      const size = this.#blockBytes();
      if (size > window.length && !this.#isEnding) return false;
      if (size === 0 || size > window.length) {
        this.#skip();
        continue;
      }
      this.#isSearching = false;
      this.#block(size, batch);
      window.take(size);
    }
    return true;
  }

  /** Bytes of the block that begins here; 0 where none does. */
  #blockBytes(): number {
    const { view, start, length } = this.#window;
    if (view.getUint32(start, false) === PCAPNG_SECTION) {
      this.#little = view.getUint32(start + 8, true) === BYTE_ORDER;
      if (!this.#little && view.getUint32(start + 8, false) !== BYTE_ORDER) return 0;
    }
    const size = view.getUint32(start + 4, this.#little);
    if (size < BLOCK_BYTES_MIN || size > BLOCK_BYTES_MAX || size % 4 !== 0) return 0;
    if (size > length) return size;
    return view.getUint32(start + size - 4, this.#little) === size ? size : 0;
  }

  #block(size: number, batch: FrameBatch): void {
    const { view, start } = this.#window;
    const type = view.getUint32(start, this.#little);
    if (view.getUint32(start, false) === PCAPNG_SECTION) this.#captures = [];
    else if (type === INTERFACE_BLOCK && size >= INTERFACE_OPTIONS_AT + 4) this.#interface(size);
    else if (type === PACKET_BLOCK && size >= PACKET_DATA_AT + 4) this.#packet(size, batch);
  }

  #interface(size: number): void {
    if (this.#captures.length === INTERFACES_MAX) {
      this.#fail('too-many-interfaces');
      return;
    }
    const { view, start } = this.#window;
    const isCan = view.getUint16(start + 8, this.#little) === LINKTYPE_CAN_SOCKETCAN;
    if (!isCan) this.#fail('other-link-type');
    let name = `can${this.#captures.length}`;
    let resolution = 6;
    let offsetSeconds = 0;
    const end = start + size - 4;
    for (let at = start + INTERFACE_OPTIONS_AT; at + 4 <= end; ) {
      const code = view.getUint16(at, this.#little);
      const length = view.getUint16(at + 2, this.#little);
      const value = at + 4;
      if (code === 0 || value + length > end) break;
      if (code === OPTION_NAME) name = this.#text(value, length) || name;
      if (code === OPTION_RESOLUTION && length > 0) resolution = view.getUint8(value);
      if (code === OPTION_OFFSET && length >= 8) offsetSeconds = Number(view.getBigInt64(value, this.#little));
      at = value + ((length + 3) & ~3);
    }
    const index = isCan ? this.#context.interfaces.indexOf(name) : -1;
    this.#captures.push({ index, isCan, time: timeReader(resolution, offsetSeconds * 1e6) });
  }

  #text(at: number, length: number): string {
    return Buffer.from(this.#window.bytes.subarray(at, at + length)).toString('utf8');
  }

  #packet(size: number, batch: FrameBatch): void {
    const { view, bytes, start } = this.#window;
    const capture = this.#captures[view.getUint32(start + 8, this.#little)];
    const length = view.getUint32(start + 20, this.#little);
    if (capture === undefined || PACKET_DATA_AT + length + 4 > size) {
      this.#fail('bad-block');
      return;
    }
    if (!capture.isCan) return;
    const time = capture.time(view.getUint32(start + 12, this.#little), view.getUint32(start + 16, this.#little));
    const from = start + PACKET_DATA_AT;
    const problem = addSocketCan(bytes, view, from, from + length, time, capture.index, batch);
    if (problem !== undefined) this.#fail(problem);
  }

  #skip(): void {
    if (!this.#isSearching) this.#fail('bad-block');
    this.#isSearching = true;
    // Not in steps of four: what is missing need not be whole words.
    this.#window.take(1);
  }

  #finish(): false {
    if (this.#isEnding && this.#window.length > 0) {
      if (!this.#isSearching) this.#fail('bad-block');
      this.#window.take(this.#window.length);
    }
    return false;
  }

  #fail(reason: string): void {
    this.#context.errors.add(reason, 'byte', this.#window.offset);
  }
}

/** @param resolution a power of ten that a second is divided by, or with the highest bit, of two */
function timeReader(resolution: number, offsetUs: number): Capture['time'] {
  const power = resolution & 0x7f;
  if ((resolution & 0x80) !== 0)
    return (high, low) => Math.floor((high * 2 ** 32 + low) * (1e6 / 2 ** power)) + offsetUs;
  if (power > 12) return (high, low) => Math.floor((high * 2 ** 32 + low) / 10 ** (power - 6)) + offsetUs;
  if (power >= 6) return (high, low) => divideWide(high, low, 10 ** (power - 6)) + offsetUs;
  return (high, low) => (high * 2 ** 32 + low) * 10 ** (6 - power) + offsetUs;
}
