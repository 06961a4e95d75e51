import { Buffer } from 'node:buffer';
import type { Stamp } from '../../../gateway/channel.ts';
import type { SampleSink } from '../../../gateway/intake.ts';
import type { CollectorCounters } from '../../collector.ts';
import { decimalsOf } from '../channel-spec.ts';
import { frameKey } from '../dictionary.ts';
import { IsoTp } from '../isotp.ts';
import { OBD_PIDS, type ObdValue } from './obd-pids.ts';
import { CURRENT_DATA, REFUSED, REPLY, VEHICLE_INFORMATION } from './obd-services.ts';

/** Identifiers that cars answer with (ISO 15765-4): of 11 bits, and of 29 bits to the tester F1. */
const REPLY_FIRST = 0x7e8;
const REPLY_LAST = 0x7ef;
const REPLY_EXTENDED = 0x18daf100;

/** Texts of service 09 by their PID. */
const TEXTS: Readonly<Record<number, string>> = { 2: 'vin', 4: 'calibration_id', 10: 'ecu_name' };

/** What a control unit answered last, so that a text that stays is told once. */
type Texts = Map<string, string>;

/** Who asks, and so is told what is answered. */
export interface ObdTester {
  answered(service: number, pid: number): void;
  /** A control unit has begun a long answer. */
  acknowledge(replyId: number, extended: boolean): void;
}

/** First frame of a long message (ISO 15765-2), in the high half of the first byte. */
const FIRST_FRAME = 1;

/** Most samples of one message: a request has at most six PIDs, of five quantities. What is beyond is `obd-too-long`. */
export const OBD_SAMPLES_MAX = 64;

/** Samples of what a car's control units answer to a tester: OBD-II services 01 and 09. It sends nothing itself. */
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
  readonly #texts: Texts = new Map();

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
    if ((data[0] ?? 0) >> 4 === FIRST_FRAME) this.#tester?.acknowledge(id, extended);
    const message = this.#isoTp.take(frameKey(id, extended), data, time);
    if (message === undefined) return true;
    const unit = extended ? (id & 0xff).toString(16).padStart(2, '0') : id.toString(16);
    switch (message[0]) {
      case REPLY + CURRENT_DATA:
        return this.#values(unit, message, time);
      case REPLY + VEHICLE_INFORMATION:
        return this.#text(unit, message, time);
      default:
        this.#counters.error(message[0] === REFUSED ? 'obd-refused' : 'obd-other-service');
        return true;
    }
  }

  /** Several PIDs may be answered at once, one behind the other. */
  #values(unit: string, message: Uint8Array, time: number): boolean {
    let isTaken = true;
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    let samples = 0;
    for (let at = 1; at < message.length; ) {
      const pid = OBD_PIDS.get(message[at] as number);
      if (pid === undefined || at + 1 + pid.bytes > message.length) {
        // How long an unknown one is, is not known: nothing behind it can be read.
        this.#counters.error(pid === undefined ? 'obd-unknown-pid' : 'obd-too-short');
        return isTaken;
      }
      samples += pid.values.length;
      if (samples > OBD_SAMPLES_MAX) {
        this.#counters.error('obd-too-long');
        return isTaken;
      }
      this.#tester?.answered(CURRENT_DATA, message[at] as number);
      for (const value of pid.values) {
        const id = this.#channelOf(unit, value);
        if (this.#sink.push(id, time, read(view, at + 1 + value.at, value))) this.#counters.samples += 1;
        else isTaken = false;
      }
      at += 1 + pid.bytes;
    }
    return isTaken;
  }

  #text(unit: string, message: Uint8Array, time: number): boolean {
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
    const channel = `${unit}/${name}`;
    if (this.#texts.get(channel) === text) return true;
    this.#texts.set(channel, text);
    const { id } = this.#sink.channel({ ...this.#about(channel), type: 'text' });
    if (!this.#sink.pushText(id, time, text)) return false;
    this.#counters.samples += 1;
    return true;
  }

  #channelOf(unit: string, value: ObdValue): number {
    const name = `${unit}/${value.name}`;
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

function read(view: DataView, at: number, { bytes, signed, mask, gain, offset }: ObdValue): number {
  let raw = view.getUint8(at);
  if (bytes === 2) raw = signed ? view.getInt16(at) : view.getUint16(at);
  if (bytes === 4) raw = view.getUint32(at);
  return (signed ? raw : (raw & mask) >>> 0) * gain + offset;
}
