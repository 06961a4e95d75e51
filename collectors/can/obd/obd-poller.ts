import type { Timers } from '../../../hardware/serial/timers.ts';
import { CURRENT_DATA, VEHICLE_INFORMATION, VIN } from './obd-services.ts';

/** What is asked of a car, and how. */
export interface ObdPollSettings {
  /** PIDs of service 01, asked one after the other, round and round. */
  readonly pids: readonly number[];
  /** Time between two requests, milliseconds. */
  readonly intervalMs: number;
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

/** Rounds without an answer after which something is asked for only now and then: most cars lack most PIDs. */
const SILENT_ROUNDS_MAX = 3;
/** Of rounds, which one that is. */
const SILENT_EVERY = 50;

interface Question {
  readonly service: number;
  readonly pid: number;
  /** Times it was asked since it was answered. */
  silent: number;
  /** It was answered and does not change. */
  isSettled: boolean;
}

/**
 * Asks a car's control units as a tester does, one request an interval: for its VIN until it is answered, and for quantities
 * round and round. What nobody answers is asked for ever less often.
 */
export class ObdPoller {
  readonly #settings: ObdPollSettings;
  readonly #send: SendFrame;
  readonly #timers: Timers;
  readonly #questions: readonly Question[];
  #next = 0;
  #round = 0;
  #cancel: () => void = () => {};

  constructor(settings: ObdPollSettings, send: SendFrame, timers: Timers) {
    this.#settings = settings;
    this.#send = send;
    this.#timers = timers;
    const question = (service: number, pid: number) => ({ service, pid, silent: 0, isSettled: false });
    this.#questions = [question(VEHICLE_INFORMATION, VIN), ...settings.pids.map((pid) => question(CURRENT_DATA, pid))];
  }

  /** Begins, or begins anew: what is there now may be another car. */
  start(): void {
    this.stop();
    for (const question of this.#questions) {
      question.silent = 0;
      question.isSettled = false;
    }
    this.#next = 0;
    this.#round = 0;
    this.#await();
  }

  stop(): void {
    this.#cancel();
  }

  /** A control unit answered a PID of a service. */
  answered(service: number, pid: number): void {
    const question = this.#questions.find((each) => each.service === service && each.pid === pid);
    if (question === undefined) return;
    question.silent = 0;
    question.isSettled = service === VEHICLE_INFORMATION;
  }

  /** A control unit has begun a long answer, and goes on when it is told to. */
  acknowledge(replyId: number, extended: boolean): void {
    const id = extended ? REQUEST_TO_ONE_EXTENDED | ((replyId & 0xff) << 8) : replyId - REPLY_OFFSET;
    this.#send(id, extended, padded(CLEAR_TO_SEND, 0, 0));
  }

  #await(): void {
    this.#cancel = this.#timers.after(this.#settings.intervalMs, () => {
      this.#ask();
      this.#await();
    });
  }

  #ask(): void {
    for (let tried = 0; tried < this.#questions.length; tried++) {
      const question = this.#questions[this.#next] as Question;
      const isDue = question.silent < SILENT_ROUNDS_MAX || this.#round % SILENT_EVERY === 0;
      this.#next += 1;
      if (this.#next === this.#questions.length) {
        this.#next = 0;
        this.#round += 1;
      }
      if (question.isSettled || !isDue) continue;
      const { extended } = this.#settings;
      const id = extended ? REQUEST_EXTENDED : REQUEST;
      if (this.#send(id, extended, padded(2, question.service, question.pid))) question.silent += 1;
      return;
    }
  }
}

function padded(...bytes: readonly number[]): Uint8Array {
  const data = new Uint8Array(FRAME_BYTES).fill(PADDING);
  data.set(bytes);
  return data;
}
