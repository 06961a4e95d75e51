import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Clock } from '../../gateway/clock.ts';
import { messageOf } from '../../gateway/errors.ts';
import type { Intake } from '../../gateway/intake.ts';
import type { CollectorCounters } from '../collector.ts';
import { PayloadError } from '../payload/payload-error.ts';
import { pushBatch } from '../payload/push-batch.ts';
import { SampleBatch } from '../payload/sample-batch.ts';
import type { TopicDecoder } from './topic-decoder.ts';

/** Bytes of payload of messages that wait for room or for their commit, all clients together. Beyond: nobody is read on. */
export const UNACKED_BYTES_MAX = 32 * 1024 * 1024;
/** How often room in the ring is asked for while messages wait for it, milliseconds. */
const ROOM_RETRY_MS = 5;
/** Ring slots that a receipt needs, reckoned high. */
const RECEIPT_SLOTS = 4;
/** Memory that a message costs beside its payload, bytes, reckoned high. */
const MESSAGE_OVERHEAD_BYTES = 512;

/** A published message, as the broker hands it over. */
export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
}

/** A message that waits for room, or for the commit of its samples. */
interface Unacked {
  readonly message: Message;
  readonly key: string;
  readonly digest: Buffer | undefined;
  /** True once it was decoded: again and again while it waits for room. */
  isRead: boolean;
  /** Called when the samples are durable, once for every copy of the message that came meanwhile. */
  readonly done: ((error?: Error) => void)[];
}

/** Told of a message that could not be used. */
export type OnBadMessage = (reason: string, topic: string, detail: string) => void;

/**
 * Turns messages into samples and says when they are durable. Bad input is counted and is done at once, so that it never
 * blocks what stands behind it. All messages that arrive in one turn of the event loop share one publication of the
 * ring and one promise.
 */
export class MessageIntake {
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #source: string;
  readonly #decoder: TopicDecoder;
  readonly #counters: CollectorCounters;
  readonly #onBad: OnBadMessage;
  readonly #batch = new SampleBatch();
  /** Messages with a receipt that are not durable yet, by digest. */
  readonly #unacked = new Map<string, Unacked>();
  /** Messages for which the ring has no room, oldest first. */
  #waiting: Unacked[] = [];
  /** Messages pushed in this turn. */
  #turn: Unacked[] = [];
  #scheduled = false;
  #unackedBytes = 0;
  #unackedCount = 0;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Called when messages were acknowledged, and there may be room to read on. */
  onRoom: () => void = () => {};
  /** Messages that had to wait for room in the ring. */
  waited = 0;
  /** Messages recognised as repeats, acknowledged and not stored again. */
  repeats = 0;

  constructor(
    intake: Intake,
    clock: Clock,
    source: string,
    decoder: TopicDecoder,
    counters: CollectorCounters,
    onBad: OnBadMessage,
  ) {
    this.#intake = intake;
    this.#clock = clock;
    this.#source = source;
    this.#decoder = decoder;
    this.#counters = counters;
    this.#onBad = onBad;
  }

  /** Messages that wait for room in the ring now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Messages that are not acknowledged yet, for want of room or of their commit. */
  get unacked(): number {
    return this.#unackedCount;
  }

  /** False while so many bytes wait that no further message may be taken. */
  hasRoom(): boolean {
    return this.#unackedBytes < UNACKED_BYTES_MAX;
  }

  /** Takes a message that nobody waits for: QoS 0, or a will. What the ring has no room for is lost, and counted as lost. */
  takeUnconfirmed(message: Message): void {
    this.#heard();
    const unit = this.#decode(message);
    if (unit !== undefined && !this.#push(unit)) this.#counters.dropped++;
    this.#schedule();
  }

  /**
   * Takes a message of QoS 1 or 2; `done` is called when its samples are durable, or with an error when they never will be.
   * @param digest its identity, from {@link digestOf}
   * @param maybeRepeat true when the message may be one that was stored before
   * @returns true when it is such a repeat
   */
  take(message: Message, digest: Buffer, maybeRepeat: boolean, done: (error?: Error) => void): boolean {
    this.#heard();
    const key = digest.toString('latin1');
    const twin = maybeRepeat ? this.#unacked.get(key) : undefined;
    if (twin !== undefined) {
      this.repeats++;
      twin.done.push(done);
      return true;
    }
    const repeat = maybeRepeat && this.#intake.isKnownReceipt(digest);
    const unacked: Unacked = { message, key, digest: repeat ? undefined : digest, isRead: false, done: [done] };
    this.#unackedCount++;
    this.#unackedBytes += message.payload.length + MESSAGE_OVERHEAD_BYTES;
    if (repeat) {
      // Its samples are in, but the commit may still be on its way; and acknowledgements keep the order of arrival.
      this.repeats++;
      this.#turn.push(unacked);
      this.#schedule();
      return true;
    }
    this.#unacked.set(key, unacked);
    if (this.#waiting.length > 0 || !this.#store(unacked)) {
      this.waited++;
      this.#waiting.push(unacked);
      this.#retry ??= setTimeout(this.#retryWaiting, ROOM_RETRY_MS);
    }
    return false;
  }

  /** From now on nothing is pushed; messages that wait for room stay unacknowledged. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#release(this.#waiting, new Error('the gateway stops'));
    this.#waiting = [];
  }

  #heard(): void {
    this.#counters.received++;
    this.#counters.lastSeen = this.#clock.now();
  }

  /** Pushes a message with its receipt; false when there is no room for it now. Bad input counts as stored. */
  #store(unacked: Unacked): boolean {
    const unit = this.#decode(unacked.message, unacked.isRead);
    unacked.isRead = true;
    if (unit !== undefined) {
      if (!this.#intake.hasRoom(this.#batch.slots + RECEIPT_SLOTS)) return false;
      if (!this.#push(unit)) this.#intake.settle();
      if (unacked.digest !== undefined) this.#intake.pushReceipt(unacked.digest);
    }
    this.#turn.push(unacked);
    this.#schedule();
    return true;
  }

  /** Reads a message into the batch and returns the unit of its numbers; undefined when it is bad input. */
  #decode(message: Message, isAgain = false): string | undefined {
    try {
      const now = this.#clock.now();
      const unit = this.#decoder.read(message.topic, message.payload, this.#batch, now, isAgain);
      // What cannot be used is counted once, however often the message is read while it waits for room.
      for (const [reason, { parts, detail }] of isAgain ? [] : this.#batch.faults) {
        this.#counters.error(reason, parts);
        this.#onBad(reason, message.topic, detail);
      }
      return unit;
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      this.#counters.error(error.reason);
      this.#onBad(error.reason, message.topic, error.message);
      return undefined;
    }
  }

  /** Pushes the batch; false when some of it was not taken. */
  #push(unit: string): boolean {
    const taken = pushBatch(this.#batch, this.#intake, this.#clock.now(), unit, this.#source);
    this.#counters.samples += taken;
    return taken === this.#batch.count;
  }

  /** Publishes at the end of this turn of the event loop. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      const ticket = this.#intake.publish();
      const turn = this.#turn;
      if (turn.length === 0) return;
      this.#turn = [];
      this.#intake.durable(ticket).then(
        () => this.#release(turn),
        (error) => this.#release(turn, new Error(`not stored: ${messageOf(error)}`)),
      );
    });
  }

  #release(messages: readonly Unacked[], error?: Error): void {
    for (const { message, key, digest, done } of messages) {
      if (digest !== undefined) this.#unacked.delete(key);
      this.#unackedCount--;
      this.#unackedBytes -= message.payload.length + MESSAGE_OVERHEAD_BYTES;
      for (const call of done) call(error);
    }
    if (messages.length > 0) this.onRoom();
  }

  readonly #retryWaiting = (): void => {
    this.#retry = undefined;
    if (this.#stopped) return;
    let stored = 0;
    for (const unacked of this.#waiting) {
      if (!this.#store(unacked)) break;
      stored++;
    }
    this.#waiting = this.#waiting.slice(stored);
    if (this.#waiting.length > 0) this.#retry = setTimeout(this.#retryWaiting, ROOM_RETRY_MS);
  };
}

/**
 * Identity of a message over connections and restarts: 16 bytes of a hash over who sent it, under which packet id, and
 * what it says.
 */
export function digestOf(sender: string, packetId: number, message: Message): Buffer {
  const { topic, payload, qos } = message;
  const head = `${qos} ${packetId} ${Buffer.byteLength(sender)} ${sender} ${Buffer.byteLength(topic)} ${topic} `;
  return createHash('sha1').update(head).update(payload).digest().subarray(0, 16);
}
