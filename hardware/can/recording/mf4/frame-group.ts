import {
  EXTENDED_ID_MAX,
  FD_LENGTHS,
  FRAME_ERROR,
  FRAME_FD,
  FRAME_REMOTE,
  type FrameBatch,
  STANDARD_ID_MAX,
} from '../../can-frame.ts';
import type { RecordingContext } from '../frame-decoder.ts';
import { Mf4Error } from './block.ts';
import type { DataStream } from './data-stream.ts';
import type { RecordLayout } from './record-layout.ts';
import { VariableData } from './variable-data.ts';

/** Length in front of data of variable length. */
const LENGTH_BYTES = 4;
const CLASSIC_BYTES_MAX = 8;
/** Bytes that a record of variable length may have. */
const VARIABLE_BYTES_MAX = 1024 * 1024;
const NOTHING = new Uint8Array(0);

/** One kind of record of a data group. */
export interface RecordKind {
  /** Bytes of a record without its identifier; undefined where each has its length in front. */
  readonly bytes: number | undefined;
  /** Undefined where its records are no frames. */
  readonly layout: RecordLayout | undefined;
  /** Where its frames' data are: a stream of its own, or the records of another kind. */
  readonly data: DataStream | VariableData | undefined;
  /** Of a kind whose records are the data of another one's frames. */
  readonly provides: VariableData | undefined;
}

/** A data group: records of one kind, or of several, mixed in the order in which they came, each behind its identifier. */
export class FrameGroup {
  readonly #context: RecordingContext;
  readonly #stream: DataStream;
  readonly #idBytes: number;
  readonly #kinds: ReadonlyMap<number, RecordKind>;
  /** UTC, microseconds. */
  readonly #start: number;
  #at = 0;

  constructor(
    context: RecordingContext,
    start: number,
    stream: DataStream,
    idBytes: number,
    kinds: ReadonlyMap<number, RecordKind>,
  ) {
    this.#context = context;
    this.#start = start;
    this.#stream = stream;
    this.#idBytes = idBytes;
    this.#kinds = kinds;
  }

  /** Fills the batch. False when nothing is left. */
  async read(batch: FrameBatch): Promise<boolean> {
    while (!batch.full) {
      try {
        if (!(await this.#readRecord(batch))) break;
      } catch (error) {
        if (!(error instanceof Mf4Error)) throw error;
        this.#leaveBlock('bad-block');
      }
    }
    return batch.count > 0;
  }

  async #readRecord(batch: FrameBatch): Promise<boolean> {
    const kind = await this.#nextKind();
    if (kind === undefined) return this.#at < this.#stream.length;
    if (kind.bytes === undefined) return this.#readVariable(kind);
    const record = await this.#bytes(this.#at, kind.bytes);
    if (record === undefined) return this.#endCut();
    if (kind.layout === undefined) {
      this.#at += kind.bytes;
      return true;
    }
    // A copy: reading on for the data of a frame moves what was read ahead.
    const copy = record.slice();
    this.#at += kind.bytes;
    await this.#addFrame(kind, kind.layout, new DataView(copy.buffer), batch);
    return true;
  }

  /** The kind of the next record, behind its identifier; undefined where there is none, or what is there is none. */
  async #nextKind(): Promise<RecordKind | undefined> {
    if (this.#idBytes === 0) return this.#at < this.#stream.length ? this.#kinds.get(0) : undefined;
    const bytes = await this.#bytes(this.#at, this.#idBytes);
    if (bytes === undefined) {
      this.#endCut();
      return undefined;
    }
    let id = 0;
    for (let k = this.#idBytes - 1; k >= 0; k--) id = id * 256 + (bytes[k] as number);
    const kind = this.#kinds.get(id);
    // Records have no marks: what follows an unknown one cannot be told apart.
    if (kind === undefined) this.#leaveBlock('bad-record');
    else this.#at += this.#idBytes;
    return kind;
  }

  async #readVariable(kind: RecordKind): Promise<boolean> {
    const head = await this.#bytes(this.#at, LENGTH_BYTES);
    if (head === undefined) return this.#endCut();
    const length = lengthOf(head);
    if (kind.provides !== undefined && length <= VARIABLE_BYTES_MAX) {
      const bytes = await this.#bytes(this.#at + LENGTH_BYTES, length);
      if (bytes === undefined) return this.#endCut();
      kind.provides.add(bytes);
    } else kind.provides?.pass(length);
    this.#at += LENGTH_BYTES + length;
    return true;
  }

  async #addFrame(kind: RecordKind, layout: RecordLayout, record: DataView, batch: FrameBatch): Promise<void> {
    const index = this.#context.interfaces.numbered(layout.bus(record));
    const { id, isExtended } = layout.id(record);
    const flags = layout.flags(record, isExtended);
    const isError = (flags & FRAME_ERROR) !== 0;
    if (index < 0) return this.#fail('too-many-interfaces');
    if (!isError && id > (isExtended ? EXTENDED_ID_MAX : STANDARD_ID_MAX)) return this.#fail('bad-id');
    const isFd = (flags & FRAME_FD) !== 0;
    const length = isError ? 0 : layout.length(record);
    if (isFd ? !FD_LENGTHS.includes(length) : length > CLASSIC_BYTES_MAX) return this.#fail('bad-length');
    const hasData = !isError && (flags & FRAME_REMOTE) === 0;
    const bytes = hasData ? await this.#data(kind, layout, record) : NOTHING;
    if (bytes === undefined || (hasData && bytes.length < length)) return this.#fail('missing-data');
    const time = this.#start + layout.time(record);
    if (!Number.isSafeInteger(time)) return this.#fail('bad-time');
    batch.add(isError ? 0 : id, flags, bytes, 0, length, time);
    batch.interfaces[batch.count - 1] = index;
  }

  /** Data bytes of a frame; undefined where they are missing. */
  async #data({ data }: RecordKind, layout: RecordLayout, record: DataView): Promise<Uint8Array | undefined> {
    if (layout.data.kind === 'none') return NOTHING;
    if (layout.data.kind === 'inline') {
      return new Uint8Array(record.buffer, record.byteOffset + layout.data.byte, layout.data.bytes);
    }
    const offset = layout.dataOffset(record);
    if (data instanceof VariableData) {
      // It may stand behind its frame.
      for (let steps = 0; !data.has(offset) && steps < AHEAD_MAX; steps++) {
        const kind = await this.#peekVariable();
        if (kind === undefined) break;
        await this.#readVariable(kind);
      }
      return data.take(offset);
    }
    return data === undefined ? undefined : readVariable(data, offset);
  }

  /** Passes over the identifier of the next record if that is one of variable length. */
  async #peekVariable(): Promise<RecordKind | undefined> {
    const bytes = await this.#bytes(this.#at, this.#idBytes);
    if (bytes === undefined) return undefined;
    const at = this.#at;
    const kind = await this.#nextKind();
    if (kind?.bytes === undefined) return kind;
    this.#at = at;
    return undefined;
  }

  async #bytes(at: number, length: number): Promise<Uint8Array | undefined> {
    return this.#stream.peek(at, length) ?? (await this.#stream.read(at, length));
  }

  /** The stream ends in a record. */
  #endCut(): false {
    if (this.#at < this.#stream.length) this.#fail('cut-record');
    this.#at = this.#stream.length;
    return false;
  }

  #leaveBlock(reason: string): void {
    this.#fail(reason);
    this.#at = this.#stream.behind(this.#at);
  }

  #fail(reason: string): void {
    this.#context.errors.add(reason, 'byte', this.#at);
  }
}

/** Records of variable length that may stand between a frame and its data. */
const AHEAD_MAX = 16;

/** Data with their length in front; undefined where they are missing or damaged. */
async function readVariable(stream: DataStream, at: number): Promise<Uint8Array | undefined> {
  try {
    const head = stream.peek(at, LENGTH_BYTES) ?? (await stream.read(at, LENGTH_BYTES));
    if (head === undefined) return undefined;
    const length = lengthOf(head);
    if (length > VARIABLE_BYTES_MAX) return undefined;
    return stream.peek(at + LENGTH_BYTES, length) ?? (await stream.read(at + LENGTH_BYTES, length));
  } catch (error) {
    if (error instanceof Mf4Error) return undefined;
    throw error;
  }
}

function lengthOf(head: Uint8Array): number {
  return new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getUint32(0, true);
}
