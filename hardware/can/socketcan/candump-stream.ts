import { Buffer } from 'node:buffer';
import type { ReasonCounts } from '../can-bus.ts';
import { FRAME_BYTES_MAX, type FrameBatch } from '../can-frame.ts';
import type { InterfaceNames } from '../interface-names.ts';
import { LineSplitter } from '../line-splitter.ts';
import { candumpLines } from '../recording/candump-log.ts';
import type { FrameLine } from '../recording/line-frames.ts';

const LINE_END = 0x0a;
const LETTER_D = 0x44;

/** Longest line that is read, bytes; a longer one is dropped, reason `line-too-long`. */
const LINE_BYTES_MAX = 128 + 2 * FRAME_BYTES_MAX;

/** What `candump -d` says of frames that found no room in the buffer of its socket (SO_RXQ_OVFL). */
const DROPS = /^DROPCOUNT: dropped (\d{1,10}) CAN frames? on '/;

/**
 * Reads what `candump -L -d` writes, fed in pieces of any length: `(1533226488.230547) can0 123#0102` for a frame,
 * `DROPCOUNT: dropped 7 CAN frames on 'can0' socket (total drops 7)` for those that the kernel dropped before it.
 */
export class CandumpStream {
  readonly #errors: ReasonCounts;
  readonly #onDropped: (frames: number) => void;
  readonly #frame: FrameLine;
  readonly #lines: LineSplitter;

  /** @param interfaces takes the names that lines begin with; frames index into it */
  constructor(interfaces: InterfaceNames, errors: ReasonCounts, onDropped: (frames: number) => void) {
    this.#errors = errors;
    this.#onDropped = onDropped;
    this.#frame = candumpLines({ interfaces, errors, utcOffsetUs: 0 });
    this.#lines = new LineSplitter(
      [LINE_END],
      LINE_BYTES_MAX,
      (bytes, from, to, _end, batch) => this.#line(bytes, from, to, batch),
      () => errors.add('line-too-long'),
    );
  }

  /** Takes bytes from `at` until they are used up or the batch is full; returns where it stopped. */
  decode(bytes: Uint8Array, at: number, batch: FrameBatch): number {
    return this.#lines.feed(bytes, at, batch);
  }

  #line(bytes: Uint8Array, from: number, to: number, batch: FrameBatch): void {
    if (bytes[from] === LETTER_D) {
      const drops = DROPS.exec(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1'));
      if (drops === null) this.#errors.add('unknown-line');
      else this.#onDropped(Number(drops[1]));
      return;
    }
    const problem = this.#frame(bytes, from, to, batch);
    if (problem !== undefined) this.#errors.add(problem);
  }
}
