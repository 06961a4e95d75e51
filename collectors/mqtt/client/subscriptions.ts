import { CaissonError } from '../../../gateway/errors.ts';
import { SPARKPLUG_NAMESPACE } from '../sparkplug/sparkplug-topic.ts';
import { filterLevels, matchFilter } from '../topic-rules.ts';

/** Topics known to be asked for. At the maximum all are forgotten and looked up again. */
const TOPICS_REMEMBERED_MAX = 65_536;

/** What a section of the config asks for. */
export interface Wanted {
  /** Filters in place of those of the rules; empty: those of the rules. */
  readonly subscribe: readonly string[];
  readonly topics: readonly { readonly filter: string }[];
  /** Anything but undefined: the namespace of Sparkplug B. */
  readonly sparkplug?: object | undefined;
}

/**
 * What is subscribed to at a broker. No two filters meet: a broker may send a message once for each filter that matches
 * it (MQTT-3.3.5-1), and nothing would tell the copies apart.
 */
export class Subscriptions {
  readonly filters: readonly string[];
  readonly #levels: readonly (readonly string[])[];
  readonly #asked = new Set<string>();

  /** @throws CaissonError `config-invalid` where there is nothing to subscribe to, or two filters meet */
  constructor({ subscribe, topics, sparkplug }: Wanted) {
    const wanted = subscribe.length > 0 ? subscribe : topics.map(({ filter }) => filter);
    this.filters = widest(sparkplug === undefined ? wanted : [...wanted, `${SPARKPLUG_NAMESPACE}/#`]);
    if (this.filters.length === 0) throw invalid('topics and subscribe are empty', '`subscribe: ["#"]` asks for all');
    this.#levels = this.filters.map(filterLevels);
  }

  /** True for a topic that a filter matches; a kept session may bring others, which were asked for before. */
  asksFor(topic: string): boolean {
    if (this.#asked.has(topic)) return true;
    const levels = topic.split('/');
    if (!this.#levels.some((filter) => matchFilter(filter, levels) !== undefined)) return false;
    if (this.#asked.size >= TOPICS_REMEMBERED_MAX) this.#asked.clear();
    this.#asked.add(topic);
    return true;
  }
}

/** The filters without those that others cover. */
function widest(filters: readonly string[]): string[] {
  const unique = [...new Set(filters)].map((filter) => ({ filter, levels: filterLevels(filter) }));
  const kept = unique.filter((one) => !unique.some((other) => other !== one && covers(other.levels, one.levels)));
  for (const [index, one] of kept.entries()) {
    const other = kept.slice(index + 1).find(({ levels }) => meet(one.levels, levels));
    if (other !== undefined) {
      throw invalid(
        `filters ${one.filter} and ${other.filter} match the same topics, whose messages a broker may send twice`,
        'name one filter that covers both under subscribe',
      );
    }
  }
  return kept.map(({ filter }) => filter);
}

/** True when `wide` matches every topic that `narrow` does. */
export function covers(wide: readonly string[], narrow: readonly string[]): boolean {
  if (isHidden(wide, narrow)) return false;
  for (const [index, level] of wide.entries()) {
    if (level === '#') return true;
    const other = narrow[index];
    if (other === undefined || other === '#' || (level !== '+' && level !== other)) return false;
  }
  return wide.length === narrow.length;
}

/** True when there is a topic that both match. */
export function meet(one: readonly string[], other: readonly string[]): boolean {
  if (isHidden(one, other) || isHidden(other, one)) return false;
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const [a, b] = [one[index], other[index]];
    if (a === '#' || b === '#') return true;
    if (a === undefined || b === undefined || (a !== b && a !== '+' && b !== '+')) return false;
  }
  return true;
}

/** MQTT-4.7.2-1: a wildcard in the first place matches no topic that begins with `$`. */
function isHidden([first]: readonly string[], [other]: readonly string[]): boolean {
  return (first === '#' || first === '+') && other?.startsWith('$') === true;
}

function invalid(message: string, hint: string): CaissonError {
  return new CaissonError('config-invalid', `mqtt-client: ${message}`, { hint });
}
