import { matchFilter } from './topic-rules.ts';

/** Topics that only the gateway reads: what is published to them is stored, and neither forwarded nor retained. */
export class PrivateTopics {
  readonly #filters: readonly (readonly string[])[];

  /** @param filters topic filters */
  constructor(filters: readonly string[]) {
    this.#filters = filters.map((filter) => filter.split('/'));
  }

  has(topic: string): boolean {
    if (this.#filters.length === 0) return false;
    const levels = topic.split('/');
    return this.#filters.some((filter) => matchFilter(filter, levels) !== undefined);
  }

  /** True when a subscription to `filter` could never be given anything. */
  covers(filter: string): boolean {
    const levels = filter.split('/');
    return this.#filters.some((own) => isWithin(levels, own));
  }
}

/** True when every topic that `inner` matches is matched by `outer` as well (MQTT-4.7.1). */
function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
  for (const [index, level] of outer.entries()) {
    if (level === '#') return true;
    const met = inner[index];
    if (met === undefined || met === '#') return false;
    if (level !== '+' && level !== met) return false;
  }
  return inner.length === outer.length;
}
