import { Buffer } from 'node:buffer';
import type { Crc } from '../crc.ts';
import type { FrameScanner } from './frame-scanner.ts';
import { checkBytes, makeCheck } from './framed/check.ts';
import { COBS, DelimitedFramer, SLIP } from './framed/delimited.ts';
import { FIELD_TYPES, type FieldSettings, FRAME_BYTES_MAX, type FrameSettings } from './framed/framed-config.ts';
import { sizedScanner } from './framed/sized.ts';
import type { Outlet } from './outlet.ts';
import type { WireDecoding, WireListener } from './wire-decoding.ts';

/** Binary frames as the config describes them to samples, stamped when their last byte arrived. */
export class FramedDecoding implements WireDecoding {
  readonly unit = 'whole frame';
  readonly #settings: FrameSettings;
  readonly #outlet: Outlet;
  readonly #listener: WireListener | undefined;
  readonly #framer: DelimitedFramer | FrameScanner;
  readonly #check: Crc | undefined;
  readonly #checkBytes: number;
  readonly #channels = new Map<FieldSettings, number>();

  constructor(settings: FrameSettings, outlet: Outlet, listener?: WireListener) {
    this.#settings = settings;
    this.#outlet = outlet;
    this.#listener = listener;
    this.#check = settings.check && makeCheck(settings.check.type);
    this.#checkBytes = settings.check === undefined ? 0 : checkBytes(settings.check.type);
    this.#framer = this.#makeFramer();
  }

  feed(bytes: Uint8Array, arrival: number): void {
    this.#outlet.arrival = arrival;
    this.#framer.feed(bytes);
  }

  end(): void {
    this.lost();
  }

  lost(): void {
    if (this.#framer instanceof DelimitedFramer) this.#framer.reset();
    else this.#framer.end();
  }

  #makeFramer(): DelimitedFramer | FrameScanner {
    const { framing, sync = '', bytes, length } = this.#settings;
    const damaged = (reason: string) => this.#outlet.damaged(reason);
    if (framing !== 'sync') {
      const stuffing = framing === 'cobs' ? COBS : SLIP;
      const frame = (content: Uint8Array) => void this.#frame(content);
      return new DelimitedFramer(stuffing, FRAME_BYTES_MAX, this.#check === undefined, { frame, damaged });
    }
    const shape = {
      sync: Buffer.from(sync, 'hex'),
      ...(bytes === undefined ? {} : { bytes }),
      ...(length === undefined ? {} : { length: { ...length, isLittle: length.endian === 'little' } }),
    };
    return sizedScanner(shape, FRAME_BYTES_MAX, { frame: (content) => this.#frame(content), damaged });
  }

  /** Takes a frame; false where its check says that it is none. */
  #frame(frame: Uint8Array): boolean {
    this.#outlet.begin();
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const problem = this.#problemOf(frame, view);
    if (problem !== undefined) {
      this.#outlet.error(problem);
      return false;
    }
    this.#listener?.understood();
    const content = new DataView(frame.buffer, frame.byteOffset, frame.length - this.#checkBytes);
    const { messages } = this.#settings;
    const message = messages.find(({ when }) => when === undefined || frame[when.at] === when.is);
    if (message === undefined) this.#outlet.error('unknown-message');
    else this.#fields(content, message.fields);
    return true;
  }

  #problemOf(frame: Uint8Array, view: DataView): string | undefined {
    const { check } = this.#settings;
    if (check === undefined || this.#check === undefined) return undefined;
    const end = frame.length - this.#checkBytes;
    if (end <= check.from) return 'too-short';
    let stated = 0;
    for (let index = 0; index < this.#checkBytes; index += 1) {
      const at = check.endian === 'little' ? this.#checkBytes - 1 - index : index;
      stated = stated * 256 + view.getUint8(end + at);
    }
    return this.#check(frame, check.from, end) === stated ? undefined : 'bad-check';
  }

  #fields(content: DataView, fields: readonly FieldSettings[]): void {
    let isShort = false;
    for (const field of fields) {
      if (field.at + FIELD_TYPES[field.type] > content.byteLength) {
        isShort = true;
        continue;
      }
      const number = numberOf(content, field);
      if (number === field.absent || Number.isNaN(number)) continue;
      this.#outlet.push(this.#channel(field), this.#outlet.arrival, number * field.scale + field.offset);
    }
    if (isShort) this.#outlet.error('too-short');
  }

  #channel(field: FieldSettings): number {
    let id = this.#channels.get(field);
    if (id === undefined) {
      const { name, unit, labels, decimals, description, bit, bits } = field;
      id = this.#outlet.channel({
        path: name,
        unit,
        type: labels !== undefined ? 'enum' : bit !== undefined && bits === 1 ? 'bool' : 'number',
        ...(labels === undefined ? {} : { labels }),
        ...(decimals === undefined ? {} : { decimals }),
        ...(description === undefined ? {} : { description }),
      });
      this.#channels.set(field, id);
    }
    return id;
  }
}

/** Number of a field before scaling. */
function numberOf(content: DataView, { at, type, endian, bit, bits }: FieldSettings): number {
  const number = readNumber(content, at, type, endian === 'little');
  return bit === undefined ? number : Math.floor(number / 2 ** bit) % 2 ** bits;
}

function readNumber(content: DataView, at: number, type: FieldSettings['type'], isLittle: boolean): number {
  switch (type) {
    case 'u8':
      return content.getUint8(at);
    case 'i8':
      return content.getInt8(at);
    case 'u16':
      return content.getUint16(at, isLittle);
    case 'i16':
      return content.getInt16(at, isLittle);
    case 'u32':
      return content.getUint32(at, isLittle);
    case 'i32':
      return content.getInt32(at, isLittle);
    case 'f32':
      return content.getFloat32(at, isLittle);
    case 'u64':
      return (
        content.getUint32(at + (isLittle ? 4 : 0), isLittle) * 2 ** 32 +
        content.getUint32(at + (isLittle ? 0 : 4), isLittle)
      );
    case 'i64':
      return (
        content.getInt32(at + (isLittle ? 4 : 0), isLittle) * 2 ** 32 +
        content.getUint32(at + (isLittle ? 0 : 4), isLittle)
      );
    case 'f64':
      return content.getFloat64(at, isLittle);
  }
}
