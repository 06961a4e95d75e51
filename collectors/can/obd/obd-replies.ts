import { Buffer } from 'node:buffer';
import type { Stamp } from '../../../gateway/channel.ts';
import { type SampleSink, textRoom } from '../../../gateway/intake.ts';
import type { CollectorCounters } from '../../collector.ts';
import { decimalsOf } from '../channel-spec.ts';
import { frameKey } from '../dictionary.ts';
import { IsoTp } from '../isotp.ts';
import { OBD_PIDS, type ObdValue } from './obd-pids.ts';
import {
  CONFIRMED_CODES,
  CURRENT_DATA,
  codeName,
  FREEZE_CODE,
  FREEZE_FRAME,
  PENDING_CODES,
  PERMANENT_CODES,
  REFUSED,
  REPLY,
  RESPONSE_PENDING,
  SUPPORTED,
  VEHICLE_INFORMATION,
} from './obd-services.ts';

/** Identifiers that cars answer with (ISO 15765-4): of 11 bits, and of 29 bits to the tester F1. */
const REPLY_FIRST = 0x7e8;
const REPLY_LAST = 0x7ef;
const REPLY_EXTENDED = 0x18daf100;

/** Texts of service 09 by their PID. */
const TEXTS: Readonly<Record<number, string>> = { 2: 'vin', 4: 'calibration_id', 10: 'ecu_name' };

/** Channels of trouble codes by their service. */
const CODES: ReadonlyMap<number, string> = new Map([
  [CONFIRMED_CODES, 'confirmed'],
  [PENDING_CODES, 'pending'],
  [PERMANENT_CODES, 'permanent'],
]);

/** Who asks, and so is told what is answered. */
export interface ObdTester {
  answered(service: number, pid: number | undefined): void;
  /** A control unit has, of the 32 PIDs behind `base`, those whose bits are set, the highest first. */
  supports(base: number, bits: number): void;
  /** A control unit has kept a frame of a trouble code; 0: of none. */
  froze(replyId: number, extended: boolean, code: number): void;
  /** A control unit has begun a long answer, and goes on when it is told to. */
  acknowledge(replyId: number, extended: boolean): void;
  /** A frame of a long answer came. */
  goesOn(replyId: number, extended: boolean): void;
  /** A control unit said that it needs longer. */
  needsLonger(replyId: number, extended: boolean): void;
  /** A control unit's answer is whole. */
  finished(replyId: number, extended: boolean): void;
}

/** Frames of a long message (ISO 15765-2), in the high half of the first byte. */
const FIRST_FRAME = 1;
const CONSECUTIVE_FRAME = 2;

/** Most samples of one message: a request has at most six PIDs, of five quantities. What is beyond is `obd-too-long`. */
const SAMPLES_MAX = 64;
/** Bytes of a text: no message has more, and neither have 255 trouble codes. */
const TEXT_BYTES_MAX = 4095;
/** Room in the ring that one message may take, in number samples. */
export const OBD_ROOM_MAX = SAMPLES_MAX + textRoom(TEXT_BYTES_MAX);

/** Where the replies of one message go, and of which service they are. */
interface Values {
  readonly service: number;
  /** First part of the names of their channels, below the unit's. */
  readonly path: string;
  /** Bytes between a PID and its data. */
  readonly gap: number;
}

const CURRENT: Values = { service: CURRENT_DATA, path: '', gap: 0 };
/** Behind each PID stands the number of the frame. */
const FROZEN: Values = { service: FREEZE_FRAME, path: 'freeze_frame/', gap: 1 };

/** Samples of what a car's control units answer to a tester (SAE J1979, services 01, 02, 03, 07, 09 and 0A). It sends nothing itself. */
export class ObdReplies {
  readonly #path: string;
  readonly #source: string;
  readonly #stamp: Stamp;
  readonly #sink: SampleSink;
  readonly #counters: CollectorCounters;
  readonly #isoTp: IsoTp;
  readonly #tester: ObdTester | undefined;
  /** By name. */
  readonly #channels = new Map<string, number>();
  /** Last text of each text channel, by name: one that stays is told once. */
  readonly #texts = new Map<string, string>();

  /**
   * @param path first part of the names of its channels
   * @param tester undefined where another one asks
   */
  constructor(
    path: string,
    source: string,
    stamp: Stamp,
    sink: SampleSink,
    counters: CollectorCounters,
    tester: ObdTester | undefined,
  ) {
    this.#tester = tester;
    this.#path = path;
    this.#source = source;
    this.#stamp = stamp;
    this.#sink = sink;
    this.#counters = counters;
    this.#isoTp = new IsoTp((reason) => counters.error(reason));
  }

  /** Whether frames of that identifier are replies. */
  static isReply(id: number, extended: boolean): boolean {
    return extended ? id >>> 8 === REPLY_EXTENDED >>> 8 : id >= REPLY_FIRST && id <= REPLY_LAST;
  }

  /**
   * Takes the data of a frame of a reply.
   * @param time microseconds
   * @returns false when a sample could not be taken
   */
  take(id: number, extended: boolean, data: Uint8Array, time: number): boolean {
    const part = (data[0] ?? 0) >> 4;
    if (part === FIRST_FRAME) this.#tester?.acknowledge(id, extended);
    if (part === FIRST_FRAME || part === CONSECUTIVE_FRAME) this.#tester?.goesOn(id, extended);
    const message = this.#isoTp.take(frameKey(id, extended), data, time);
    if (message === undefined) return true;
    this.#tester?.finished(id, extended);
    const unit = extended ? (id & 0xff).toString(16).padStart(2, '0') : id.toString(16);
    const service = (message[0] ?? 0) - REPLY;
    const kind = CODES.get(service);
    if (kind !== undefined) return this.#codes(`${unit}/trouble/${kind}`, service, message, time);
    switch (service) {
      case CURRENT_DATA:
        return this.#values(unit, CURRENT, message, time);
      case FREEZE_FRAME:
        if (message[1] === FREEZE_CODE) return this.#freezeCode(id, extended, unit, message, time);
        return this.#values(unit, FROZEN, message, time);
      case VEHICLE_INFORMATION:
        return this.#information(unit, message, time);
      case REFUSED - REPLY:
        if (message[2] === RESPONSE_PENDING) this.#tester?.needsLonger(id, extended);
        else this.#counters.error('obd-refused');
        return true;
      default:
        this.#counters.error('obd-other-service');
        return true;
    }
  }

  /** Several PIDs may be answered at once, one behind the other. */
  #values(unit: string, { service, path, gap }: Values, message: Uint8Array, time: number): boolean {
    let isTaken = true;
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    let samples = 0;
    for (let at = 1; at < message.length; ) {
      const pid = OBD_PIDS.get(message[at] as number);
      const data = at + 1 + gap;
      if (pid === undefined || data + pid.bytes > message.length) {
        // How long an unknown one is, is not known: nothing behind it can be read.
        this.#counters.error(pid === undefined ? 'obd-unknown-pid' : 'obd-too-short');
        return isTaken;
      }
      samples += pid.values.length;
      if (samples > SAMPLES_MAX) {
        this.#counters.error('obd-too-long');
        return isTaken;
      }
      const number = message[at] as number;
      this.#tester?.answered(service, number);
      if (service === CURRENT_DATA && SUPPORTED.includes(number)) this.#tester?.supports(number, view.getUint32(data));
      for (const value of pid.values) {
        const id = this.#channelOf(`${unit}/${path}${value.name}`, value);
        if (this.#sink.push(id, time, read(view, data + value.at, value))) this.#counters.samples += 1;
        else isTaken = false;
      }
      at = data + pid.bytes;
    }
    return isTaken;
  }

  /** Trouble codes of two bytes each, behind how many there are. */
  #codes(name: string, service: number, message: Uint8Array, time: number): boolean {
    const count = message[1] ?? 0;
    if (message.length < 2 + 2 * count) {
      this.#counters.error('obd-too-short');
      return true;
    }
    this.#tester?.answered(service, undefined);
    const codes = Array.from({ length: count }, (_, n) => codeOf(message, 2 + 2 * n));
    const isText = this.#pushText(`${name}/codes`, codes.map(codeName).join(', '), time);
    const isCount = this.#sink.push(this.#channelOf(`${name}/count`, COUNT), time, count);
    if (isCount) this.#counters.samples += 1;
    return isText && isCount;
  }

  /** The code for which a unit has kept what its quantities were; 0: it has kept nothing. */
  #freezeCode(id: number, extended: boolean, unit: string, message: Uint8Array, time: number): boolean {
    if (message.length < 5) {
      this.#counters.error('obd-too-short');
      return true;
    }
    this.#tester?.answered(FREEZE_FRAME, FREEZE_CODE);
    const code = codeOf(message, 3);
    this.#tester?.froze(id, extended, code);
    return this.#pushText(`${unit}/freeze_frame/code`, code === 0 ? '' : codeName(code), time);
  }

  /** Texts of the car: its VIN, and which program a unit has. */
  #information(unit: string, message: Uint8Array, time: number): boolean {
    const name = TEXTS[message[1] ?? 0];
    if (name === undefined) {
      this.#counters.error('obd-unknown-pid');
      return true;
    }
    this.#tester?.answered(VEHICLE_INFORMATION, message[1] ?? 0);
    // Behind the PID stands how many items follow; they are filled up with zeros.
    const text = Buffer.from(message.subarray(3))
      .toString('latin1')
      .replaceAll(/[^ -~]+/g, ' ')
      .trim();
    return this.#pushText(`${unit}/${name}`, text, time);
  }

  /** A text is told when it is another one. */
  #pushText(name: string, text: string, time: number): boolean {
    if (this.#texts.get(name) === text) return true;
    const { id } = this.#sink.channel({ ...this.#about(name), type: 'text' });
    if (!this.#sink.pushText(id, time, text)) return false;
    this.#texts.set(name, text);
    this.#counters.samples += 1;
    return true;
  }

  #channelOf(name: string, value: Pick<ObdValue, 'gain' | 'offset' | 'type' | 'unit'>): number {
    let id = this.#channels.get(name);
    if (id === undefined) {
      const { gain, offset, type } = value;
      const scale = type === 'bool' ? {} : { scale: { gain, offset }, decimals: decimalsOf(gain, offset) };
      id = this.#sink.channel({ ...this.#about(name), type, unit: value.unit, ...scale }).id;
      this.#channels.set(name, id);
    }
    return id;
  }

  #about(name: string): { name: string; source: string; stamp: Stamp } {
    return { name: `${this.#path}/obd/${name}`, source: this.#source, stamp: this.#stamp };
  }

  /** Names of the channels that were made. */
  *channels(): IterableIterator<string> {
    for (const name of [...this.#channels.keys(), ...this.#texts.keys()]) yield `${this.#path}/obd/${name}`;
  }
}

const COUNT = { gain: 1, offset: 0, type: 'number', unit: '' } as const;

function codeOf(message: Uint8Array, at: number): number {
  return ((message[at] ?? 0) << 8) | (message[at + 1] ?? 0);
}

function read(view: DataView, at: number, { bytes, signed, mask, gain, offset }: ObdValue): number {
  let raw = view.getUint8(at);
  if (bytes === 2) raw = signed ? view.getInt16(at) : view.getUint16(at);
  if (bytes === 4) raw = view.getUint32(at);
  return (signed ? raw : (raw & mask) >>> 0) * gain + offset;
}
