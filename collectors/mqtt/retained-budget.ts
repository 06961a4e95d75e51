/** Topics with a retained message. Beyond: the message is forwarded, and not retained. */
export const RETAINED_TOPICS_MAX = 10_000;
/** Bytes of all retained messages, topics included. Beyond: the message is forwarded, and not retained. */
export const RETAINED_BYTES_MAX = 16 * 1024 * 1024;

/** Keeps the account of retained messages, which the broker library would keep without end. */
export class RetainedBudget {
  readonly #bytes = new Map<string, number>();
  #total = 0;
  /** Messages that were not retained. */
  refused = 0;

  /** True when the message may be retained; an empty payload deletes what was retained (MQTT-3.3.1-10). */
  admit(topic: string, payloadBytes: number): boolean {
    const before = this.#bytes.get(topic);
    if (payloadBytes === 0) {
      this.#bytes.delete(topic);
      this.#total -= before ?? 0;
      return true;
    }
    const bytes = payloadBytes + topic.length * 2;
    const total = this.#total - (before ?? 0) + bytes;
    if (total > RETAINED_BYTES_MAX || (before === undefined && this.#bytes.size >= RETAINED_TOPICS_MAX)) {
      this.refused++;
      return false;
    }
    this.#bytes.set(topic, bytes);
    this.#total = total;
    return true;
  }
}
