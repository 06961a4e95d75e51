import type { QoS } from '../message.ts';

/** Who subscribed at one place of the tree, and the places below it. */
interface Place<S> {
  readonly below: Map<string, Place<S>>;
  readonly granted: Map<S, QoS>;
}

/** Topic filters by their levels (MQTT-4.7), so that a message finds its subscribers without asking each. */
export class FilterTree<S> {
  readonly #root: Place<S> = { below: new Map(), granted: new Map() };
  /** Subscriptions, all subscribers. */
  size = 0;

  /** Adds a subscription, or changes its QoS. */
  add(filter: string, subscriber: S, qos: QoS): void {
    let place = this.#root;
    for (const level of filter.split('/')) {
      let next = place.below.get(level);
      if (next === undefined) {
        next = { below: new Map(), granted: new Map() };
        place.below.set(level, next);
      }
      place = next;
    }
    if (!place.granted.has(subscriber)) this.size++;
    place.granted.set(subscriber, qos);
  }

  remove(filter: string, subscriber: S): void {
    const path: [Place<S>, string][] = [];
    let place = this.#root;
    for (const level of filter.split('/')) {
      const next = place.below.get(level);
      if (next === undefined) return;
      path.push([place, level]);
      place = next;
    }
    if (!place.granted.delete(subscriber)) return;
    this.size--;
    for (const [above, level] of path.reverse()) {
      const left = above.below.get(level);
      if (left === undefined || left.granted.size > 0 || left.below.size > 0) return;
      above.below.delete(level);
    }
  }

  /** Who subscribed to `topic`, each with the best QoS that one of its subscriptions grants (MQTT-3.3.5-1). */
  match(topic: string): Map<S, QoS> {
    const found = new Map<S, QoS>();
    const levels = topic.split('/');
    if (this.size > 0) collect(this.#root, levels, 0, topic.startsWith('$'), found);
    return found;
  }
}

/** @param isHidden no wildcard matches here: the first level of a topic that begins with `$` (MQTT-4.7.2-1) */
function collect<S>(
  place: Place<S>,
  levels: readonly string[],
  at: number,
  isHidden: boolean,
  found: Map<S, QoS>,
): void {
  // `a/#` matches `a` as well.
  if (!isHidden) grant(place.below.get('#'), found);
  const level = levels[at];
  if (level === undefined) {
    grant(place, found);
    return;
  }
  const same = place.below.get(level);
  if (same !== undefined) collect(same, levels, at + 1, false, found);
  const any = isHidden ? undefined : place.below.get('+');
  if (any !== undefined) collect(any, levels, at + 1, false, found);
}

function grant<S>(place: Place<S> | undefined, found: Map<S, QoS>): void {
  if (place === undefined) return;
  for (const [subscriber, qos] of place.granted) {
    const best = found.get(subscriber);
    if (best === undefined || qos > best) found.set(subscriber, qos);
  }
}
