import type { FrameBatch } from '../can-frame.ts';
import { ByteWindow } from './byte-window.ts';
import type { FrameDecoder, RecordingContext } from './frame-decoder.ts';
import { addSocketCan, LINKTYPE_CAN_SOCKETCAN } from './socketcan-packet.ts';

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** A packet that claims to be longer is taken for damage. A CAN FD frame has 72 bytes. */
const PACKET_BYTES_MAX = 64 * 1024;

/** Two packets that are further apart, seconds, are not taken for neighbours when the way back is looked for. */
const NEIGHBOUR_SECONDS_MAX = 3600;

/** First bytes of a file: which way round its numbers are, and whether its times have micro- or nanoseconds. */
export const PCAP_MARKS: ReadonlyMap<number, { readonly little: boolean; readonly perMicro: number }> = new Map([
  [0xa1b2c3d4, { little: false, perMicro: 1 }],
  [0xd4c3b2a1, { little: true, perMicro: 1 }],
  [0xa1b23c4d, { little: false, perMicro: 1000 }],
  [0x4d3cb2a1, { little: true, perMicro: 1000 }],
]);

/**
 * Pcap of packets of SocketCAN (link type 227). Records have no mark: behind a damaged one the next stretch is sought
 * where two records stand one behind the other.
 */
export class PcapLog implements FrameDecoder {
  readonly #context: RecordingContext;
  readonly #window = new ByteWindow();
  #little = true;
  #perMicro = 1;
  #hasHeader = false;
  #isOther = false;
  #isSearching = false;
  #isEnding = false;
  #seconds = 0;

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
    if (!this.#hasHeader && !this.#readHeader()) return false;
    if (this.#isOther) this.#window.take(this.#window.length);
    while (!batch.full) {
      const { start, length, view } = this.#window;
      if (length < RECORD_HEADER_BYTES) return this.#finish();
      if (!this.#isRecord(start) || (this.#isSearching && this.#isNeighbour(start) === false)) {
        this.#skipByte();
        continue;
      }
      const size = RECORD_HEADER_BYTES + view.getUint32(start + 8, this.#little);
      if (length < size || (this.#isSearching && this.#isNeighbour(start) === undefined)) return this.#finish();
      this.#isSearching = false;
      this.#take(start, size, batch);
      this.#window.take(size);
    }
    return true;
  }

  #readHeader(): boolean {
    const { start, length, view } = this.#window;
    if (length < FILE_HEADER_BYTES) return false;
    const mark = PCAP_MARKS.get(view.getUint32(start, false));
    if (mark === undefined) throw new Error('a file that does not begin as pcap was taken for one');
    this.#little = mark.little;
    this.#perMicro = mark.perMicro;
    this.#hasHeader = true;
    this.#isOther = (view.getUint32(start + 20, mark.little) & 0xffff) !== LINKTYPE_CAN_SOCKETCAN;
    if (this.#isOther) this.#context.errors.add('other-link-type', 'byte', 20);
    this.#window.take(FILE_HEADER_BYTES);
    return true;
  }

  #take(start: number, size: number, batch: FrameBatch): void {
    const { bytes, view, offset } = this.#window;
    this.#seconds = view.getUint32(start, this.#little);
    const micros = Math.floor(view.getUint32(start + 4, this.#little) / this.#perMicro);
    const time = this.#seconds * 1e6 + micros;
    const from = start + RECORD_HEADER_BYTES;
    const index = this.#context.interfaces.indexOf('can0');
    const problem = addSocketCan(bytes, view, from, start + size, time, index, batch);
    if (problem !== undefined) this.#context.errors.add(problem, 'byte', offset);
  }

  /** True where a record may stand: a fraction of a second, and lengths that can be. */
  #isRecord(at: number): boolean {
    const { view } = this.#window;
    const captured = view.getUint32(at + 8, this.#little);
    return (
      view.getUint32(at + 4, this.#little) < 1e6 * this.#perMicro &&
      captured <= PACKET_BYTES_MAX &&
      captured <= view.getUint32(at + 12, this.#little)
    );
  }

  /** True where another record follows, and both are of about the time of the last good one; undefined: not there yet. */
  #isNeighbour(at: number): boolean | undefined {
    const { view, end } = this.#window;
    const isNear = (seconds: number) => Math.abs(seconds - this.#seconds) <= NEIGHBOUR_SECONDS_MAX;
    if (this.#seconds !== 0 && !isNear(view.getUint32(at, this.#little))) return false;
    const next = at + RECORD_HEADER_BYTES + view.getUint32(at + 8, this.#little);
    if (next === end && this.#isEnding) return true;
    if (next + RECORD_HEADER_BYTES > end) return this.#isEnding ? false : undefined;
    const gap = view.getUint32(next, this.#little) - view.getUint32(at, this.#little);
    return this.#isRecord(next) && Math.abs(gap) <= NEIGHBOUR_SECONDS_MAX;
  }

  #skipByte(): void {
    if (!this.#isSearching) this.#context.errors.add('bad-record', 'byte', this.#window.offset);
    this.#isSearching = true;
    this.#window.take(1);
  }

  #finish(): false {
    const { length, offset } = this.#window;
    if (!this.#isEnding || length === 0) return false;
    if (!this.#isSearching) this.#context.errors.add('cut-record', 'byte', offset);
    this.#window.take(length);
    return false;
  }
}
