import { Buffer } from 'node:buffer';
import type { QoS } from '../message.ts';
import { matchFilter } from '../topic-rules.ts';

/** Topics with a retained message. Beyond: the message is forwarded, and not retained. */
export const RETAINED_TOPICS_MAX = 10_000;
/** Bytes of all retained messages, topics included. Beyond: the message is forwarded, and not retained. */
export const RETAINED_BYTES_MAX = 16 * 1024 * 1024;

export interface Retained {
  readonly topic: string;
  readonly levels: readonly string[];
  readonly payload: Buffer;
  readonly qos: QoS;
}

/** The last value of each topic that was published to with the RETAIN flag (MQTT-3.3.1.3). */
export class RetainedMessages {
  readonly #messages = new Map<string, Retained>();
  readonly #onChange: (topic: string) => void;
  #bytes = 0;
  /** Messages that were not retained for want of room. */
  refused = 0;

  constructor(onChange: (topic: string) => void) {
    this.#onChange = onChange;
  }

  get(topic: string): Retained | undefined {
    return this.#messages.get(topic);
  }

  /**
   * Keeps a message in place of the one before; an empty one only deletes that (MQTT-3.3.1-10).
   * @param payload stays the caller's
   */
  set(topic: string, payload: Uint8Array, qos: QoS): void {
    const before = this.#messages.get(topic);
    const bytes = payload.length === 0 ? 0 : bytesOf(topic, payload);
    const total = this.#bytes + bytes - (before === undefined ? 0 : bytesOf(topic, before.payload));
    const isNewTopic = before === undefined && payload.length > 0;
    if (total > RETAINED_BYTES_MAX || (isNewTopic && this.#messages.size >= RETAINED_TOPICS_MAX)) {
      this.refused++;
      return;
    }
    this.#bytes = total;
    if (payload.length === 0) this.#messages.delete(topic);
    else this.#messages.set(topic, { topic, levels: topic.split('/'), payload: Buffer.from(payload), qos });
    this.#onChange(topic);
  }

  /** What a filter matches; undefined now and again, so that a long search can be broken off and gone on with. */
  *matching(filter: string): Generator<Retained | undefined> {
    const exact = this.#messages.get(filter);
    const levels = filter.split('/');
    if (!levels.includes('+') && levels.at(-1) !== '#') {
      yield exact;
      return;
    }
    let looked = 0;
    for (const message of this.#messages.values()) {
      if (matchFilter(levels, message.levels) !== undefined) yield message;
      else if (++looked % 1000 === 0) yield undefined;
    }
  }
}

function bytesOf(topic: string, payload: Uint8Array): number {
  return payload.length + topic.length * 2;
}
