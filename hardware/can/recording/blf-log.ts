import { inflateSync } from 'node:zlib';
import type { FrameBatch } from '../can-frame.ts';
import { addBlfObject, BLF_HEADER_BYTES } from './blf-object.ts';
import { ByteWindow } from './byte-window.ts';
import type { FrameDecoder, RecordingContext } from './frame-decoder.ts';

/** File header as far as it is read: mark, its length, and the start of the measurement at byte 40. */
const FILE_HEADER_BYTES = 72;
const START_AT = 40;

/** Longest object, bytes; a longer one is taken for damage. Vector's tools write containers of 128 KiB. */
const OBJECT_BYTES_MAX = 16 * 1024 * 1024;
/** Longest object in a container, bytes. */
const INNER_BYTES_MAX = 1024 * 1024;
/** Longest content of a container, bytes. */
const CONTENT_BYTES_MAX = 64 * 1024 * 1024;

const OBJECT_MARK = 0x4c4f424a;
const CONTAINER_TYPE = 10;
const CONTAINER_HEADER_BYTES = 32;
const UNPACKED = 0;
const ZLIB = 2;

/**
 * Vector's BLF: objects, most of them packed in containers, which may cut an object in two. Where no object stands, the
 * bytes up to the next mark are passed over.
 */
export class BlfLog implements FrameDecoder {
  readonly #context: RecordingContext;
  readonly #file = new ObjectWindow();
  readonly #content = new ObjectWindow();
  /** Where the container that `#content` is of stands in the file. */
  #containerAt = 0;
  #start: number | undefined;
  #isEnding = false;

  constructor(context: RecordingContext) {
    this.#context = context;
  }

  feed(bytes: Uint8Array): void {
    this.#file.feed(bytes);
  }

  end(): void {
    this.#isEnding = true;
  }

  read(batch: FrameBatch): boolean {
    if (this.#start === undefined && !this.#readHeader()) return false;
    while (!batch.full) {
      const inner = this.#nextObject(this.#content, INNER_BYTES_MAX);
      const window = inner > 0 ? this.#content : this.#file;
      const size = inner > 0 ? inner : this.#nextObject(this.#file, OBJECT_BYTES_MAX);
      if (size === 0) return this.#finish();
      const isContainer = window.view.getUint32(window.start + 12, true) === CONTAINER_TYPE;
      if (isContainer && window === this.#file) this.#unpack(size);
      else this.#take(window, size, batch);
      window.take(size);
    }
    return true;
  }

  #finish(): false {
    const file = this.#file;
    if (!this.#isEnding) return false;
    if (!file.hasMark) this.#skipToMark(file);
    if (file.length > PADDING_BYTES_MAX) this.#fail('cut-object', file.offset);
    file.take(file.length);
    return false;
  }

  #readHeader(): boolean {
    const { view, start, length } = this.#file;
    if (length < FILE_HEADER_BYTES) return false;
    const told = view.getUint32(start + 4, true);
    const headerBytes = told <= HEADER_BYTES_MAX ? Math.max(told, FILE_HEADER_BYTES) : FILE_HEADER_BYTES;
    if (length < headerBytes) return false;
    this.#start = startTime(view, start + START_AT) - this.#context.utcOffsetUs;
    this.#file.take(headerBytes);
    return true;
  }

  /** Bytes of the object that comes next, of which all are there; 0 where there is none yet. */
  #nextObject(window: ObjectWindow, bytesMax: number): number {
    while (window.length >= BLF_HEADER_BYTES) {
      const { view, start } = window;
      const size = view.getUint32(start + 8, true);
      if (window.hasMark && size >= BLF_HEADER_BYTES && size <= bytesMax) {
        if (window.length < size) return 0;
        window.passed = 0;
        return size;
      }
      if (!this.#skipToMark(window)) return 0;
    }
    return 0;
  }

  #take(window: ByteWindow, size: number, batch: FrameBatch): void {
    const { view, bytes, start } = window;
    const problem = addBlfObject(view, bytes, start, size, this.#start ?? 0, this.#context.interfaces, batch);
    if (problem !== undefined) this.#fail(problem, this.#placeOf(window));
  }

  #unpack(size: number): void {
    const { view, bytes, start, offset } = this.#file;
    this.#containerAt = offset;
    const packing = size < CONTAINER_HEADER_BYTES ? -1 : view.getUint16(start + 16, true);
    const data = bytes.subarray(start + CONTAINER_HEADER_BYTES, start + size);
    try {
      if (packing !== UNPACKED && packing !== ZLIB) throw new Error(`packing ${packing}`);
      this.#content.feed(packing === UNPACKED ? data : inflateSync(data, { maxOutputLength: CONTENT_BYTES_MAX }));
    } catch {
      this.#fail('bad-container', offset);
      // The object that the lost container would have gone on with is lost with it.
      this.#content.take(this.#content.length);
    }
  }

  /** Objects are padded, in more ways than one. Counts a stretch that is more than that, once. False where no mark is. */
  #skipToMark(window: ObjectWindow): boolean {
    const { bytes, view, start, end } = window;
    for (let at = start + 1; at + 4 <= end; at++) {
      if (bytes[at] !== OBJECT_MARK >>> 24 || view.getUint32(at, false) !== OBJECT_MARK) continue;
      this.#passOver(window, at - start);
      return true;
    }
    this.#passOver(window, Math.max(0, window.length - 3));
    return false;
  }

  #passOver(window: ObjectWindow, count: number): void {
    const before = window.passed;
    window.passed += count;
    if (before <= PADDING_BYTES_MAX && window.passed > PADDING_BYTES_MAX) {
      this.#fail('bad-object', window === this.#file ? window.offset - before : this.#containerAt);
    }
    window.take(count);
  }

  #placeOf(window: ByteWindow): number {
    return window === this.#file ? this.#file.offset : this.#containerAt;
  }

  #fail(reason: string, at: number): void {
    this.#context.errors.add(reason, 'byte', at);
  }
}

/** Bytes among which objects are looked for. */
class ObjectWindow extends ByteWindow {
  /** Bytes passed over since the last object, in however many pieces they came. */
  passed = 0;

  /** True where an object may begin here. */
  get hasMark(): boolean {
    return this.length >= 4 && this.view.getUint32(this.start, false) === OBJECT_MARK;
  }
}

/** Bytes between two objects that need no mention. */
const PADDING_BYTES_MAX = 7;
/** A header of the file that claims to be longer is not believed. */
const HEADER_BYTES_MAX = 4096;

/** A SYSTEMTIME: year, month, day of the week, day, hour, minute, second, millisecond; 0 where it is none. */
function startTime(view: DataView, at: number): number {
  const part = (index: number) => view.getUint16(at + 2 * index, true);
  if (part(0) < 1970 || part(1) < 1 || part(1) > 12) return 0;
  return Date.UTC(part(0), part(1) - 1, part(3), part(4), part(5), part(6), part(7)) * 1e3;
}
