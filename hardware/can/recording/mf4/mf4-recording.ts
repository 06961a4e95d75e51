import { Buffer } from 'node:buffer';
import { FrameBatch } from '../../can-frame.ts';
import type { CanRecording, RecordingContext } from '../frame-decoder.ts';
import { divideWide } from '../wide-time.ts';
import { type Mf4Block, Mf4Error, readBlock, readChain } from './block.ts';
import { DataStream } from './data-stream.ts';
import { FrameGroup, type RecordKind } from './frame-group.ts';
import { openRandomBytes, type RandomBytes } from './random-bytes.ts';
import { RecordLayout } from './record-layout.ts';
import { VariableData } from './variable-data.ts';

const IDENTIFICATION_BYTES = 64;
const UNFINISHED = 'UnFinMF ';
/** Content of the header: start in nanoseconds, offsets of the local time, flags. */
const TIME_FLAGS_AT = 12;
const IS_LOCAL_TIME = 1;

const DATA_GROUPS_MAX = 10_000;
/** Of all data groups together. */
const CHANNEL_GROUPS_MAX = 10_000;
/** Of a channel group whose records are the data of another one. */
const IS_VARIABLE = 1;
const ID_BYTES_MAX = 8;
/** Bytes of a record of frames, or of what stands among them. */
const RECORD_BYTES_MAX = 1024 * 1024;

/** Frames that are read ahead of each data group. */
const AHEAD_FRAMES = 256;

/**
 * Opens an MF4 file (ASAM MDF 4) with bus logging: sorted and unsorted data groups, lists, packed blocks, and files of a
 * recorder that was cut off. Groups of other data are passed over. Rejects where it is none that can be read.
 */
export async function openMf4(path: string, isPacked: boolean, context: RecordingContext): Promise<CanRecording> {
  const file = await openRandomBytes(path, isPacked);
  try {
    return await readMf4(file, context);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Frames of an MF4 file whose bytes are at hand. Rejects as {@link openMf4} does; who closes the recording closes the file. */
export async function readMf4(file: RandomBytes, context: RecordingContext): Promise<CanRecording> {
  return new Mf4Recording(file, await readGroups(file, context));
}

/** Frames of all data groups, in the order of their times. */
class Mf4Recording implements CanRecording {
  readonly #file: RandomBytes;
  #sources: { readonly group: FrameGroup; readonly batch: FrameBatch; at: number }[];

  constructor(file: RandomBytes, groups: readonly FrameGroup[]) {
    this.#file = file;
    this.#sources = groups.map((group) => ({ group, batch: new FrameBatch(AHEAD_FRAMES), at: 0 }));
  }

  async read(batch: FrameBatch): Promise<boolean> {
    while (!batch.full) {
      await this.#refill();
      const [first, ...others] = this.#sources;
      if (first === undefined) break;
      let next = first;
      for (const other of others) if (timeOf(other) < timeOf(next)) next = other;
      const end = Math.min(next.batch.count, next.at + batch.capacity - batch.count);
      // Alone, a group need not be compared frame by frame.
      do batch.addFrom(next.batch, next.at++);
      while (others.length === 0 && next.at < end);
    }
    return batch.count > 0;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #refill(): Promise<void> {
    for (const source of this.#sources) {
      if (source.at < source.batch.count) continue;
      source.batch.clear();
      source.at = 0;
      await source.group.read(source.batch);
    }
    if (this.#sources.some(({ batch }) => batch.count === 0)) {
      this.#sources = this.#sources.filter(({ batch }) => batch.count > 0);
    }
  }
}

function timeOf({ batch, at }: { readonly batch: FrameBatch; readonly at: number }): number {
  return batch.times[at] as number;
}

async function readGroups(file: RandomBytes, context: RecordingContext): Promise<FrameGroup[]> {
  const identification = await file.read(0, IDENTIFICATION_BYTES);
  const isOpenEnded = Buffer.from(identification.subarray(0, 8)).toString('latin1') === UNFINISHED;
  const header = await readBlock(file, IDENTIFICATION_BYTES, 'HD');
  const start = startOf(header.content, context.utcOffsetUs);
  const groups: FrameGroup[] = [];
  let room = CHANNEL_GROUPS_MAX;
  for (const group of await readChain(file, header.links[0] ?? 0, 'DG', DATA_GROUPS_MAX)) {
    const channelGroups = await readChain(file, group.links[1] ?? 0, 'CG', room);
    room -= channelGroups.length;
    const read = await readGroup(file, group, channelGroups, start, isOpenEnded, context);
    if (read !== undefined) groups.push(read);
  }
  if (groups.length === 0) throw new Mf4Error('no group of CAN frames in it (CAN_DataFrame)');
  return groups;
}

async function readGroup(
  file: RandomBytes,
  { at, links, content }: Mf4Block,
  channelGroups: readonly Mf4Block[],
  start: number,
  isOpenEnded: boolean,
  context: RecordingContext,
): Promise<FrameGroup | undefined> {
  const idBytes = content.getUint8(0);
  if (idBytes > ID_BYTES_MAX) throw new Mf4Error(`byte ${at}: identifiers of ${idBytes} bytes cannot be`);
  const provided = new Map(channelGroups.filter(isVariable).map((group) => [group.at, new VariableData()] as const));
  const kinds = new Map<number, RecordKind>();
  for (const group of channelGroups) {
    const layout = isVariable(group) ? undefined : await RecordLayout.read(file, group);
    const dataAt = layout?.data.kind === 'stream' ? layout.data.at : 0;
    const data = provided.get(dataAt) ?? (dataAt === 0 ? undefined : await DataStream.open(file, dataAt, isOpenEnded));
    const { content: about } = group;
    const bytes = isVariable(group) ? undefined : about.getUint32(24, true) + about.getUint32(28, true);
    if ((bytes ?? 0) > RECORD_BYTES_MAX) throw new Mf4Error(`byte ${group.at}: a record of ${bytes} bytes is too long`);
    kinds.set(idBytes === 0 ? 0 : about.getUint32(0, true), { bytes, layout, data, provides: provided.get(group.at) });
  }
  if (![...kinds.values()].some(({ layout }) => layout !== undefined)) return undefined;
  return new FrameGroup(context, start, await DataStream.open(file, links[2] ?? 0, isOpenEnded), idBytes, kinds);
}

function isVariable({ content }: Mf4Block): boolean {
  return (content.getUint16(16, true) & IS_VARIABLE) !== 0;
}

/** UTC of the start in microseconds: recorders that do not know UTC say that they write local time. */
function startOf(header: DataView, utcOffsetUs: number): number {
  const start = divideWide(header.getUint32(4, true), header.getUint32(0, true), 1000);
  return (header.getUint8(TIME_FLAGS_AT) & IS_LOCAL_TIME) === 0 ? start : start - utcOffsetUs;
}
