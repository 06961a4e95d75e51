import {
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_ERROR,
  FRAME_ESI,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  STANDARD_ID_MAX,
} from '../../can-frame.ts';
import { type Mf4Block, Mf4Error, readBlock, readChain, readText, wide } from './block.ts';
import type { RandomBytes } from './random-bytes.ts';

/** Channels of one group, components of components included. */
const CHANNELS_MAX = 1000;
const DEPTH_MAX = 4;

const MASTER = 2;
const VARIABLE_LENGTH = 1;
const FLOAT_LITTLE = 4;
const FLOAT_BIG = 5;
const LINEAR = 1;
const NUMBER_BITS_MAX = 64;

/** Kinds of bus events that are frames, by the name of their group's channel (ASAM MDF bus logging). */
const EVENTS: Readonly<Record<string, number>> = {
  CAN_DataFrame: 0,
  CAN_RemoteFrame: FRAME_REMOTE,
  CAN_ErrorFrame: FRAME_ERROR,
};

/** Where a value lies in a record. */
interface Field {
  readonly byte: number;
  readonly bit: number;
  readonly bits: number;
  readonly isBig: boolean;
}

interface Channel {
  readonly name: string;
  readonly type: number;
  readonly dataType: number;
  readonly field: Field;
  readonly conversionAt: number;
  readonly dataAt: number;
}

/** Where the data bytes of a frame are: in its record, or in a stream that the record points into. */
export type DataPlace =
  | { readonly kind: 'none' }
  | { readonly kind: 'inline'; readonly byte: number; readonly bytes: number }
  /** `at` of the stream's first block, or of the group whose records it is. */
  | { readonly kind: 'stream'; readonly offset: Field; readonly at: number };

/** How the records of a group are frames. */
export class RecordLayout {
  /** FRAME_ bits that all its frames have. */
  readonly kind: number;
  readonly data: DataPlace;
  readonly #fields: ReadonlyMap<string, Field>;
  readonly #time: TimeField;

  private constructor(kind: number, fields: ReadonlyMap<string, Field>, time: TimeField, data: DataPlace) {
    this.kind = kind;
    this.#fields = fields;
    this.#time = time;
    this.data = data;
  }

  /** Reads how a group is laid out; undefined where its records are no frames. */
  static async read(file: RandomBytes, group: Mf4Block): Promise<RecordLayout | undefined> {
    const recordBytes = group.content.getUint32(24, true);
    const channels = await readChannels(file, group.links[1] ?? 0, 0);
    const event = channels.find(({ name }) => Object.hasOwn(EVENTS, name))?.name;
    const master = channels.find(({ type }) => type === MASTER);
    if (event === undefined || master === undefined) return undefined;
    const fields = new Map(
      channels.flatMap(({ name, field }) => {
        return name.startsWith(`${event}.`) ? [[name.slice(event.length + 1), field] as const] : [];
      }),
    );
    for (const { byte, bit, bits } of [master.field, ...fields.values()]) {
      if (byte + Math.ceil((bit + bits) / 8) > recordBytes) {
        throw new Mf4Error(`byte ${group.at}: a channel reaches beyond its record of ${recordBytes} bytes`);
      }
    }
    for (const [name, { bits }] of [['time', master.field] as const, ...fields]) {
      if (name === 'DataBytes' || (bits > 0 && bits <= NUMBER_BITS_MAX)) continue;
      throw new Mf4Error(`byte ${group.at}: ${name} of ${bits} bits cannot be`);
    }
    const bytes = channels.find(({ name }) => name === `${event}.DataBytes`);
    return new RecordLayout(EVENTS[event] ?? 0, fields, await readTime(file, master), dataPlace(bytes));
  }

  /** Time of a record, microseconds since the start. */
  time(record: DataView): number {
    const { field, isFloat, offset, factor } = this.#time;
    const raw = isFloat ? floatOf(record, field) : fieldValue(record, field);
    return Math.round((offset + raw * factor) * 1e6);
  }

  /** Identifier as it is in the record; what tools write in its highest bit is the kind of identifier. */
  id(record: DataView): { readonly id: number; readonly isExtended: boolean } {
    const word = this.#value(record, 'ID') ?? 0;
    const id = word % 2 ** 31;
    return { id, isExtended: (this.#value(record, 'IDE') ?? (word > STANDARD_ID_MAX ? 1 : 0)) === 1 };
  }

  flags(record: DataView, isExtended: boolean): number {
    let flags = this.kind | (isExtended && this.kind !== FRAME_ERROR ? FRAME_EXTENDED : 0);
    if (this.#value(record, 'EDL') === 1) flags |= FRAME_FD;
    if (this.#value(record, 'BRS') === 1) flags |= FRAME_BRS;
    if (this.#value(record, 'ESI') === 1) flags |= FRAME_ESI;
    return (flags & FRAME_FD) === 0 ? this.kind | (flags & FRAME_EXTENDED) : flags;
  }

  bus(record: DataView): number {
    return this.#value(record, 'BusChannel') ?? 1;
  }

  /** Data bytes; of a remote frame the length asked for. */
  length(record: DataView): number {
    return this.#value(record, 'DataLength') ?? FD_LENGTHS[this.#value(record, 'DLC') ?? 0] ?? 0;
  }

  /** Where the data begin in the stream that they are in. */
  dataOffset(record: DataView): number {
    return this.data.kind === 'stream' ? fieldValue(record, this.data.offset) : 0;
  }

  #value(record: DataView, name: string): number | undefined {
    const field = this.#fields.get(name);
    return field === undefined ? undefined : fieldValue(record, field);
  }
}

interface TimeField {
  readonly field: Field;
  readonly isFloat: boolean;
  /** seconds = offset + raw * factor */
  readonly offset: number;
  readonly factor: number;
}

async function readTime(file: RandomBytes, master: Channel): Promise<TimeField> {
  const isFloat = master.dataType === FLOAT_LITTLE || master.dataType === FLOAT_BIG;
  const { bits } = master.field;
  if (isFloat && bits !== 32 && bits !== 64) throw new Mf4Error(`a time that is a float of ${bits} bits cannot be`);
  const plain = { field: master.field, isFloat, offset: 0, factor: 1 };
  if (master.conversionAt === 0) return plain;
  const { content } = await readBlock(file, master.conversionAt, 'CC');
  if (content.getUint8(0) !== LINEAR || content.byteLength < 40) return plain;
  return { ...plain, offset: content.getFloat64(24, true), factor: content.getFloat64(32, true) };
}

async function readChannels(file: RandomBytes, first: number, depth: number): Promise<Channel[]> {
  const channels: Channel[] = [];
  if (depth === DEPTH_MAX) return channels;
  for (const block of await readChain(file, first, 'CN', CHANNELS_MAX)) {
    const [, composition = 0, nameAt = 0, , conversionAt = 0, dataAt = 0] = block.links;
    const { content } = block;
    const dataType = content.getUint8(2);
    channels.push({
      ...{ name: await readText(file, nameAt), type: content.getUint8(0), dataType, conversionAt, dataAt },
      field: {
        byte: content.getUint32(4, true),
        bit: content.getUint8(3),
        bits: content.getUint32(8, true),
        // Of a pair, the second is the Motorola one.
        isBig: dataType <= FLOAT_BIG && dataType % 2 === 1,
      },
    });
    // What is an array and not a structure has no channels.
    if (composition === 0) continue;
    const { kind } = await readBlock(file, composition, 'CN', 'CA', 'DS', 'CL', 'CU');
    if (kind === 'CN') channels.push(...(await readChannels(file, composition, depth + 1)));
    if (channels.length > CHANNELS_MAX) throw new Mf4Error(`byte ${block.at}: more than ${CHANNELS_MAX} channels`);
  }
  return channels;
}

function dataPlace(bytes: Channel | undefined): DataPlace {
  if (bytes === undefined) return { kind: 'none' };
  const { field, type, dataAt } = bytes;
  if (type === VARIABLE_LENGTH) return { kind: 'stream', offset: field, at: dataAt };
  return { kind: 'inline', byte: field.byte, bytes: field.bits >> 3 };
}

/** An unsigned number of up to 64 bits; beyond 2^53 the nearest double. */
function fieldValue(record: DataView, { byte, bit, bits, isBig }: Field): number {
  if (bits === 64 && bit === 0) return isBig ? Number(record.getBigUint64(byte, false)) : wide(record, byte);
  const count = (bit + bits + 7) >> 3;
  let value = 0;
  for (let k = 0; k < count; k++) value = value * 256 + record.getUint8(byte + (isBig ? k : count - 1 - k));
  return Math.floor(value / 2 ** bit) % 2 ** bits;
}

function floatOf(record: DataView, { byte, bits, isBig }: Field): number {
  return bits === 32 ? record.getFloat32(byte, !isBig) : record.getFloat64(byte, !isBig);
}
