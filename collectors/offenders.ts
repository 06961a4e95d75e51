/** Topics kept by name for each reason. Further ones are counted under the reason alone. */
export const OFFENDERS_PER_REASON_MAX = 32;
const DETAIL_CHARS_MAX = 200;

/** What could not be used from one topic (or, without a topic, one kind of connection), for one reason. */
export interface Offender {
  readonly reason: string;
  readonly topic: string;
  readonly count: number;
  /** What was met the last time. */
  readonly detail: string;
}

/** Remembers which topics sent what could not be used, so that the one who looks after the devices finds them. */
export class Offenders {
  readonly #byReason = new Map<string, Map<string, { count: number; detail: string }>>();

  add(reason: string, topic: string, detail: string): void {
    let topics = this.#byReason.get(reason);
    if (topics === undefined) {
      topics = new Map();
      this.#byReason.set(reason, topics);
    }
    const known = topics.get(topic);
    const cut = detail.slice(0, DETAIL_CHARS_MAX);
    if (known !== undefined) {
      known.count++;
      known.detail = cut;
    } else if (topics.size < OFFENDERS_PER_REASON_MAX) {
      topics.set(topic, { count: 1, detail: cut });
    }
  }

  /** By reason: the topic that it was met at most often, with what was met there the last time. */
  places(): Record<string, string> {
    const places: Record<string, string> = {};
    for (const [reason, topics] of this.#byReason) {
      const [worst, ...others] = [...topics].sort(([, a], [, b]) => b.count - a.count);
      if (worst === undefined) continue;
      const [topic, { detail }] = worst;
      const more = others.length === 0 ? '' : `; and ${others.length} more`;
      // What comes from outside starts no line of its own in a log.
      places[reason] = `${topic === '' ? '' : `${topic}: `}${detail}${more}`.replace(/\p{C}/gu, '?');
    }
    return places;
  }

  list(): Offender[] {
    return [...this.#byReason].flatMap(([reason, topics]) =>
      [...topics].map(([topic, { count, detail }]) => ({ reason, topic, count, detail })),
    );
  }
}
