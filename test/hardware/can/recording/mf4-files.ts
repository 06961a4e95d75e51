import { Buffer } from 'node:buffer';
import {
  type Block,
  block,
  dataGroup,
  type FrameToWrite,
  frameGroup,
  header,
  mf4File,
  offsetOf,
  packed,
  RECORD_BYTES,
  record,
  variableGroup,
  withLength,
} from './mf4-writer.ts';

/** A frame of a bus as it is written into an MF4 file. */
export interface SentFrame extends FrameToWrite {
  readonly data: Buffer;
}

/** Frames a millisecond and a bit apart: 11 and 29 bits, two buses, every seventh CAN FD. */
export function someFrames(count: number): SentFrame[] {
  return Array.from({ length: count }, (_, n) => {
    const isFd = n % 7 === 0;
    const length = isFd ? 16 : n % 9;
    const data = Buffer.from(Array.from({ length }, (_, k) => (n * 31 + k) & 0xff));
    const bits = (n % 3 === 0 ? 1 : 0) | (isFd ? 0b110 : 0);
    return { nanos: n * 1_001_000, bus: 1 + (n % 2), id: n % 3 === 0 ? 0x18fe0000 + n : n, bits, length, data };
  });
}

const WIDTH = RECORD_BYTES + 8;

export const plainBlock = (kind: string) => (bytes: Buffer<ArrayBuffer>) => block(kind, [], bytes);
export const packedBlock = (kind: string, width: number) => (bytes: Buffer<ArrayBuffer>) => packed(kind, bytes, width);

/** In pieces of these bytes, linked in lists of three. */
export function listOf(
  kind: (bytes: Buffer<ArrayBuffer>) => Block,
  bytes: Buffer<ArrayBuffer>,
  pieceBytes: number,
): Block[] {
  const pieces: Block[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(kind(bytes.subarray(at, at + pieceBytes)));
  const lists: Block[] = [];
  for (let n = 0; n < pieces.length; n += 3) {
    lists.push(block('DL', [undefined, ...pieces.slice(n, n + 3)], Buffer.alloc(16)));
  }
  lists.forEach((list, n) => {
    list.links[0] = lists[n + 1];
  });
  return [...lists, ...pieces];
}

/** The same frames as files of every layout that recorders write. */
export class Mf4Files {
  /** Records of the frames, each with the place of its data in {@link stream}. */
  readonly records: Buffer<ArrayBuffer>;
  /** Data of all frames with their lengths. */
  readonly stream: Buffer<ArrayBuffer>;
  readonly #sent: readonly SentFrame[];
  readonly #offsets: readonly number[];
  readonly #startNs: bigint;

  /** @param startNs UTC of the first frame, nanoseconds */
  constructor(sent: readonly SentFrame[], startNs: bigint) {
    const parts = sent.map(({ data }) => withLength(data));
    let offset = 0;
    this.#offsets = parts.map(({ length }) => {
      offset += length;
      return offset - length;
    });
    this.#sent = sent;
    this.#startNs = startNs;
    this.stream = Buffer.concat(parts);
    this.records = Buffer.concat(sent.map((each, n) => record(each, offsetOf(this.#offsets[n] ?? 0))));
  }

  /** A file whose frames point into a stream, both as these blocks. */
  sorted(records: readonly Block[], stream: readonly Block[], isLocal = false): Buffer {
    const [firstRecord, firstStream] = [records[0], stream[0]];
    if (firstStream === undefined) throw new Error('a stream without a block');
    const { group, blocks } = frameGroup(undefined, 'CAN_DataFrame', 0, { stream: firstStream });
    const data = dataGroup(undefined, group, firstRecord, 0);
    return mf4File([header(data, this.#startNs, isLocal), data, ...blocks, ...records, ...stream]);
  }

  /** One block of records, one of data. */
  plain(isLocal = false): Buffer {
    return this.sorted([plainBlock('DT')(this.records)], [plainBlock('SD')(this.stream)], isLocal);
  }

  /** Frames and their data mixed as records with identifiers, as a recorder writes them while it runs. */
  unsorted(order: 'data first' | 'frame first', isUnfinished: boolean): Buffer {
    const variable = variableGroup(undefined, 2);
    const { group, blocks } = frameGroup(variable, 'CAN_DataFrame', 1, { stream: variable });
    const bytes = this.#sent.map((sent, n) => {
      const frame = [Buffer.of(1), record(sent, offsetOf(this.#offsets[n] ?? 0))];
      const data = [Buffer.of(2), withLength(sent.data)];
      return Buffer.concat(order === 'data first' ? [...data, ...frame] : [...frame, ...data]);
    });
    const stream = plainBlock('DT')(Buffer.concat(bytes));
    const data = dataGroup(undefined, group, stream, 1);
    return mf4File([header(data, this.#startNs), data, ...blocks, variable, stream], { isUnfinished });
  }

  /** Sorted files, by how their data lie; pieces of lists have about `pieceBytes`. */
  layouts(pieceBytes: number): Record<string, Buffer> {
    const { records, stream } = this;
    const behindHeader = listOf(packedBlock('DT', 0), records, 4 * pieceBytes);
    return {
      'one block': this.plain(),
      'lists, cut within records': this.sorted(
        listOf(plainBlock('DT'), records, pieceBytes + 1),
        listOf(plainBlock('SD'), stream, Math.ceil(pieceBytes / 3)),
      ),
      packed: this.sorted([packedBlock('DT', 0)(records)], [packedBlock('SD', 0)(stream)]),
      'packed and transposed, in lists': this.sorted(
        listOf(packedBlock('DT', WIDTH), records, pieceBytes),
        listOf(packedBlock('SD', 0), stream, Math.ceil(pieceBytes / 2)),
      ),
      'a list behind its header': this.sorted(
        [block('HL', [behindHeader[0]], Buffer.alloc(8)), ...behindHeader],
        [plainBlock('SD')(stream)],
      ),
    };
  }
}
