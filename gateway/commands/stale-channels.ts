import type { Channel } from '../channel.ts';
import type { ChannelActivity } from '../channel-activity.ts';
import type { ChannelFreshness } from '../channel-freshness.ts';
import { isSteady, StaleWatch } from '../stale-watch.ts';
import type { StaleChannels } from '../status.ts';

/** Stale channels of a source that are named; all are counted. */
const NAMED_MAX = 8;

export interface StaleChannelsParts {
  readonly activity: ChannelActivity;
  /** Is told which channels are fresh. */
  readonly freshness: ChannelFreshness;
  /** One past the greatest channel id. */
  readonly end: () => number;
  readonly channel: (id: number) => Channel | undefined;
  /** UTC minus box time, microseconds. */
  readonly utcOffset: () => number;
}

/** Tells by source which channels went quiet. What holds its value until it changes, and says no rate, never does. */
export class StaleBySource {
  readonly #parts: StaleChannelsParts;
  readonly #watch = new StaleWatch();

  constructor(parts: StaleChannelsParts) {
    this.#parts = parts;
  }

  /** To be asked about once a second; `now` box time, microseconds. A source without stale channels is missing. */
  look(now: number): ReadonlyMap<string, StaleChannels> {
    const { activity, end, channel, utcOffset } = this.#parts;
    this.#watch.look(now, activity, end());
    this.#tellFreshness(end());
    const bySource = new Map<string, { count: number; channels: { name: string; since: number }[] }>();
    for (const id of this.#watch.stale) {
      const definition = channel(id);
      if (definition === undefined || !isSteady(definition)) continue;
      const { name, source } = definition;
      const known = bySource.get(source) ?? { count: 0, channels: [] };
      bySource.set(source, known);
      known.count += 1;
      if (known.channels.length < NAMED_MAX) {
        known.channels.push({ name, since: this.#watch.heardAt(id) + utcOffset() });
      }
    }
    return bySource;
  }

  #tellFreshness(end: number): void {
    const { freshness, channel } = this.#parts;
    for (let id = 0; id < end; id += 1) {
      const definition = this.#watch.heardAt(id) === 0 ? undefined : channel(id);
      freshness[id] = definition === undefined || this.#watch.isStale(definition) ? 0 : 1;
    }
  }
}
