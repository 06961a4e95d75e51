import { Buffer } from 'node:buffer';
import { FRAME_BYTES_MAX, FRAME_ERROR, FrameBatch } from './can-frame.ts';
import { LineSplitter } from './line-splitter.ts';
import {
  encodeSlcanFrame,
  isSlcanFrame,
  parseSlcanFrame,
  SLCAN_BITRATES,
  SLCAN_DATA_BITRATES,
  SLCAN_END,
  SLCAN_LINE_BYTES_MAX,
  SLCAN_REFUSED,
} from './slcan.ts';

const CONSENT = Buffer.from([SLCAN_END]);
const REFUSAL = Buffer.from([SLCAN_REFUSED]);
const SENT = Buffer.from('z\r', 'latin1');
const VERSION = Buffer.from('V1013\r', 'latin1');
const SERIAL_NUMBER = Buffer.from('NCA15\r', 'latin1');
const STATUS_CLEAR = Buffer.from('F00\r', 'latin1');

/** Frames the host sent that wait for {@link SlcanAdapter.takeSent}. At the maximum: refused, as with a full buffer. */
const SENT_FRAMES_MAX = 64;

/** The simulated twin of an SLCAN adapter: the device's end of the serial line. It hands on frames only while open. */
export class SlcanAdapter {
  readonly #write: (bytes: Uint8Array) => void;
  #sent = new FrameBatch(SENT_FRAMES_MAX);
  readonly #nothing = new FrameBatch(1);
  readonly #lines = new LineSplitter(
    [SLCAN_END],
    SLCAN_LINE_BYTES_MAX,
    (bytes, from, to) => this.#command(bytes, from, to),
    () => this.#write(REFUSAL),
  );
  #bitrate: number | undefined;
  #dataBitrate: number | undefined;
  #channel: 'closed' | 'open' | 'listening' = 'closed';

  /** @param write takes what the adapter sends to the host; the bytes are the taker's */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  get isOpen(): boolean {
    return this.#channel !== 'closed';
  }

  /** Bit rate the host has set, bit/s. */
  get bitrate(): number | undefined {
    return this.#bitrate;
  }

  /** Bit rate of the data phase of CAN FD that the host has set, bit/s. */
  get dataBitrate(): number | undefined {
    return this.#dataBitrate;
  }

  /** Takes what the host writes, in pieces of any length. */
  receive(bytes: Uint8Array): void {
    this.#lines.feed(bytes, 0, this.#nothing);
  }

  /** Passes the frames `from` to `to - 1` on to the host in one write. Returns false when the channel is closed: the frames are gone. */
  pass(frames: FrameBatch, from: number, to: number): boolean {
    if (!this.isOpen) return false;
    const out = new Uint8Array((to - from) * (SLCAN_LINE_BYTES_MAX + 1));
    let end = 0;
    for (let i = from; i < to; i++) {
      const flags = frames.flags[i] ?? 0;
      if ((flags & FRAME_ERROR) !== 0) {
        out.set(ERROR_LINE, end);
        end += ERROR_LINE.length;
      } else {
        end = encodeSlcanFrame(
          out,
          end,
          frames.ids[i] ?? 0,
          flags,
          frames.data,
          i * FRAME_BYTES_MAX,
          frames.lengths[i] ?? 0,
        );
      }
    }
    if (end > 0) this.#write(out.subarray(0, end));
    return true;
  }

  /** Frames the host has sent onto the bus since the last call. */
  takeSent(): FrameBatch {
    const sent = this.#sent;
    this.#sent = new FrameBatch(SENT_FRAMES_MAX);
    return sent;
  }

  #command(bytes: Uint8Array, from: number, to: number): void {
    const first = bytes[from];
    if (to === from) this.#write(CONSENT);
    else if (isSlcanFrame(first)) this.#send(bytes, from, to);
    else this.#write(this.#control(String.fromCharCode(first ?? 0), (bytes[from + 1] ?? 0) - 0x30));
  }

  #send(bytes: Uint8Array, from: number, to: number): void {
    const able = this.#channel === 'open' && !this.#sent.full;
    this.#write(able && parseSlcanFrame(bytes, from, to, this.#sent) === undefined ? SENT : REFUSAL);
  }

  /** Does what a command asks and returns the answer. */
  #control(command: string, digit: number): Uint8Array {
    switch (command) {
      case 'S':
        if (this.isOpen || SLCAN_BITRATES[digit] === undefined) return REFUSAL;
        this.#bitrate = SLCAN_BITRATES[digit];
        return CONSENT;
      case 'Y':
        for (const [dataBitrate, known] of SLCAN_DATA_BITRATES) {
          if (known !== digit || this.isOpen) continue;
          this.#dataBitrate = dataBitrate;
          return CONSENT;
        }
        return REFUSAL;
      case 'O':
      case 'L':
        if (this.isOpen || this.#bitrate === undefined) return REFUSAL;
        this.#channel = command === 'O' ? 'open' : 'listening';
        return CONSENT;
      case 'C':
        if (!this.isOpen) return REFUSAL;
        this.#channel = 'closed';
        return CONSENT;
      case 'V':
        return VERSION;
      case 'N':
        return SERIAL_NUMBER;
      case 'F':
        return this.isOpen ? STATUS_CLEAR : REFUSAL;
      default:
        return REFUSAL;
    }
  }
}

/** One bus error of an unknown kind, as Linux's slcan driver reads it. */
const ERROR_LINE = Buffer.from('e1f\r', 'latin1');
