import type { Clock } from '../../gateway/clock.ts';
import { messageOf } from '../../gateway/errors.ts';
import type { Intake } from '../../gateway/intake.ts';
import type { CollectorCounters } from '../collector.ts';
import { PayloadError } from '../payload/payload-error.ts';
import { pushBatch } from '../payload/push-batch.ts';
import { SampleBatch } from '../payload/sample-batch.ts';
import type { Message } from './message.ts';
import { MessageDigest } from './message-digest.ts';
import type { TopicDecoder } from './topic-decoder.ts';

/** Bytes of payload of messages that wait for room or for their commit, all clients together. Beyond: nobody is read on. */
export const UNACKED_BYTES_MAX = 32 * 1024 * 1024;
/** How often room in the ring is asked for while messages wait for it, milliseconds. */
const ROOM_RETRY_MS = 5;
/** Ring slots that a receipt needs, reckoned high. */
const RECEIPT_SLOTS = 4;
/** Memory that a message costs beside its payload, bytes, reckoned high. */
const MESSAGE_OVERHEAD_BYTES = 512;

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
  readonly #digest = new MessageDigest();
  /** Messages for which the ring has no room, oldest first. */
  #waiting: Message[] = [];
  /** Messages pushed in this turn. */
  #turn: Message[] = [];
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
  takeUnconfirmed(message: Pick<Message, 'topic' | 'payload'>): void {
    this.#heard();
    const unit = this.#decode(message);
    if (unit !== undefined && !this.#push(unit)) this.#counters.dropped++;
    this.#schedule();
  }

  /**
   * Takes a message of QoS 1 or 2, whose sender hears when its samples are durable, or never will be. Senders hear in the order
   * in which their messages were taken (MQTT-4.6.0-2).
   * @param maybeRepeat true when the message may be one that was stored before
   * @returns true when it is such a repeat, and so is only acknowledged
   */
  take(message: Message, maybeRepeat: boolean): boolean {
    if (message.use === 'take') this.#heard();
    this.#unackedCount++;
    this.#unackedBytes += message.payload.length + MESSAGE_OVERHEAD_BYTES;
    const isRepeat = maybeRepeat && message.use === 'take' && this.#isKnown(message);
    if (isRepeat) {
      // Its samples are in, but the commit may still be on its way.
      this.repeats++;
      message.use = 'skip';
    }
    if (this.#waiting.length > 0 || !this.#store(message)) {
      this.waited++;
      this.#waiting.push(message);
      this.#retry ??= setTimeout(this.#retryWaiting, ROOM_RETRY_MS);
    }
    return isRepeat;
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

  #isKnown(message: Message): boolean {
    const { sender } = message;
    if (sender === undefined) return false;
    if (this.#intake.isKnownReceipt(this.#digest.of(sender, message))) return true;
    return this.#waiting.some((other) => other.sender?.identity === sender.identity && isSame(other, message));
  }

  /** Pushes a message with its receipt; false when there is no room for it now. Bad input counts as stored. */
  #store(message: Message): boolean {
    if (message.use === 'take') {
      const unit = this.#decode(message, message.isRead);
      message.isRead = true;
      if (unit !== undefined) {
        if (!this.#intake.hasRoom(this.#batch.slots + RECEIPT_SLOTS)) return false;
        if (!this.#push(unit)) this.#intake.settle();
        if (message.sender !== undefined) this.#intake.pushReceipt(this.#digest.of(message.sender, message));
      }
    }
    this.#turn.push(message);
    this.#schedule();
    return true;
  }

  /** Reads a message into the batch and returns the unit of its numbers; undefined when it is bad input. */
  #decode(message: Pick<Message, 'topic' | 'payload'>, isAgain = false): string | undefined {
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

  #release(messages: readonly Message[], error?: Error): void {
    for (const message of messages) {
      this.#unackedCount--;
      this.#unackedBytes -= message.payload.length + MESSAGE_OVERHEAD_BYTES;
      message.sender?.settled(message, error);
    }
    if (messages.length > 0) this.onRoom();
  }

  readonly #retryWaiting = (): void => {
    this.#retry = undefined;
    if (this.#stopped) return;
    let stored = 0;
    for (const message of this.#waiting) {
      if (!this.#store(message)) break;
      stored++;
    }
    this.#waiting = this.#waiting.slice(stored);
    if (this.#waiting.length > 0) this.#retry = setTimeout(this.#retryWaiting, ROOM_RETRY_MS);
  };
}

/** True when one is sent again as the other, the DUP flag aside. */
function isSame(a: Message, b: Message): boolean {
  return a.qos === b.qos && a.packet.subarray(a.bodyAt).equals(b.packet.subarray(b.bodyAt));
}
