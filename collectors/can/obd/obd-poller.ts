import type { Timers } from '../../../hardware/serial/timers.ts';
import { frameKey } from '../dictionary.ts';
import type { ObdTester } from './obd-replies.ts';
import { type ObdRequest, ObdSchedule } from './obd-schedule.ts';
import { FREEZE_FRAME } from './obd-services.ts';

/** What is asked of a car, and how. */
export interface ObdPollSettings {
  /** PIDs of service 01, asked one after the other, round and round. */
  readonly pids: readonly number[];
  /** Time between two requests, milliseconds. */
  readonly intervalMs: number;
  /** Time between two askings for trouble codes, milliseconds; infinite: they are not asked for. */
  readonly codesEveryMs: number;
  /** Whether requests have identifiers of 29 bits. */
  readonly extended: boolean;
}

/** Sends a frame of eight bytes; false where that is not possible now. */
export type SendFrame = (id: number, extended: boolean, data: Uint8Array) => boolean;

/** To all control units (ISO 15765-4). */
const REQUEST = 0x7df;
const REQUEST_EXTENDED = 0x18db33f1;
/** To the control unit whose address stands in the second byte. */
const REQUEST_TO_ONE_EXTENDED = 0x18da00f1;
/** What the identifier of an answer is above that of the question. */
const REPLY_OFFSET = 8;

/** Cars ignore frames that do not have all eight bytes. */
const FRAME_BYTES = 8;
const PADDING = 0xcc;
/** Flow control of ISO 15765-2: go on, all of it, without pause. */
const CLEAR_TO_SEND = 0x30;

/**
 * Asks a car's control units as a tester does: at most one request an interval, and none while a unit is answering. What it
 * asks is {@link ObdSchedule}'s to say.
 */
export class ObdPoller implements ObdTester {
  readonly #settings: ObdPollSettings;
  readonly #send: SendFrame;
  readonly #timers: Timers;
  #schedule: ObdSchedule;
  #cancel: () => void = () => {};

  constructor(settings: ObdPollSettings, send: SendFrame, timers: Timers) {
    this.#settings = settings;
    this.#send = send;
    this.#timers = timers;
    this.#schedule = new ObdSchedule(settings.pids, settings.codesEveryMs);
  }

  /** Begins, or begins anew: what is there now may be another car. */
  start(): void {
    this.stop();
    this.#schedule = new ObdSchedule(this.#settings.pids, this.#settings.codesEveryMs);
    this.#await();
  }

  stop(): void {
    this.#cancel();
  }

  answered(service: number, pid: number | undefined): void {
    this.#schedule.answered(service, pid, this.#timers.now());
  }

  supports(base: number, bits: number): void {
    this.#schedule.supports(base, bits);
  }

  froze(replyId: number, extended: boolean, code: number): void {
    this.#schedule.froze(frameKey(replyId, extended), code);
  }

  acknowledge(replyId: number, extended: boolean): void {
    const id = extended ? REQUEST_TO_ONE_EXTENDED | ((replyId & 0xff) << 8) : replyId - REPLY_OFFSET;
    this.#send(id, extended, padded(CLEAR_TO_SEND, 0, 0));
  }

  goesOn(replyId: number, extended: boolean): void {
    this.#schedule.goesOn(frameKey(replyId, extended), this.#timers.now());
  }

  needsLonger(replyId: number, extended: boolean): void {
    this.#schedule.needsLonger(frameKey(replyId, extended), this.#timers.now());
  }

  finished(replyId: number, extended: boolean): void {
    this.#schedule.finished(frameKey(replyId, extended));
  }

  #await(): void {
    this.#cancel = this.#timers.after(this.#settings.intervalMs, () => {
      const request = this.#schedule.next(this.#timers.now());
      const { extended } = this.#settings;
      if (request !== undefined) this.#send(extended ? REQUEST_EXTENDED : REQUEST, extended, bytesOf(request));
      this.#await();
    });
  }
}

function bytesOf({ service, pid }: ObdRequest): Uint8Array {
  if (pid === undefined) return padded(1, service);
  // Of the frames that a unit may keep every one has the first.
  return service === FREEZE_FRAME ? padded(3, service, pid, 0) : padded(2, service, pid);
}

function padded(...bytes: readonly number[]): Uint8Array {
  const data = new Uint8Array(FRAME_BYTES).fill(PADDING);
  data.set(bytes);
  return data;
}
