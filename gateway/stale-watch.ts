import type { Channel } from './channel.ts';
import type { ChannelActivity } from './channel-activity.ts';

/** Intervals that must be known of a channel before its silence means anything. */
const INTERVALS_MIN = 5;

/** A channel is stale when it was silent for so many of its usual intervals, twice its longest of late, and so long. */
const STALE_INTERVALS = 3;
const STALE_LONGEST = 2;
const STALE_LEAST_US = 3e6;

/** Weight of the newest interval in the usual one, and how fast the longest is forgotten. */
const INTERVAL_WEIGHT = 0.1;
const LONGEST_DECAY = 0.05;

/** Time between two looks from which on this process slept, and nobody can say who was silent; and what counts of it. Microseconds. */
const LOOK_LATE_US = 3e6;
const LOOK_USUAL_US = 1e6;

/**
 * Says which channels went quiet, from when they were heard: looked at about once a second, so that a channel of 1 kHz and
 * one of 1 Hz are alike, and slower ones are judged by their own intervals. 25 bytes a channel.
 */
export class StaleWatch {
  /** Box time of the look at which it was last heard, microseconds; 0: never. */
  #heardAt = new Float64Array(0);
  /** Microseconds. */
  #usual = new Float64Array(0);
  #longest = new Float64Array(0);
  /** Intervals that are known, up to {@link INTERVALS_MIN}. */
  #known = new Uint8Array(0);
  readonly #stale = new Set<number>();
  #lookedAt = Number.NaN;

  /** Ids of the channels that are stale, in the order in which they became so. */
  get stale(): ReadonlySet<number> {
    return this.#stale;
  }

  /** Box time at which a stale channel was last heard, microseconds; exact to a second. */
  heardAt(channel: number): number {
    return this.#heardAt[channel] ?? 0;
  }

  /** Whether a channel is stale for who looks at it: it was not heard in this run either. */
  isStale(channel: Pick<Channel, 'id' | 'type' | 'rateHz'>): boolean {
    return this.heardAt(channel.id) === 0 || (this.#stale.has(channel.id) && isSteady(channel));
  }

  /**
   * Looks at all channels.
   * @param now box time, microseconds
   * @param activity what was heard since the last look; is cleared
   * @param end one past the greatest channel id
   */
  look(now: number, activity: ChannelActivity, end: number): void {
    if (end > this.#known.length) this.#grow(2 * end);
    const slept = now - this.#lookedAt;
    if (slept > LOOK_LATE_US) this.#forgive(slept - LOOK_USUAL_US);
    this.#lookedAt = now;
    for (let channel = 0; channel < end; channel += 1) {
      if (activity[channel] !== 0) {
        Atomics.store(activity, channel, 0);
        this.#hear(channel, now);
      } else if (this.#known[channel] === INTERVALS_MIN && now - this.heardAt(channel) > this.#patience(channel)) {
        this.#stale.add(channel);
      }
    }
  }

  #hear(channel: number, now: number): void {
    const heardAt = this.heardAt(channel);
    this.#heardAt[channel] = now;
    if (heardAt === 0) return;
    // A long silence tells little of the rate; but a channel that became slower for good must not be called stale for ever.
    const patience = this.#patience(channel);
    const interval = this.#stale.delete(channel) ? Math.min(now - heardAt, 2 * patience) : now - heardAt;
    const known = this.#known[channel] as number;
    const usual = known === 0 ? interval : (this.#usual[channel] as number);
    const longest = this.#longest[channel] as number;
    this.#usual[channel] = usual + INTERVAL_WEIGHT * (interval - usual);
    this.#longest[channel] = Math.max(interval, longest + LONGEST_DECAY * (interval - longest));
    this.#known[channel] = Math.min(INTERVALS_MIN, known + 1);
  }

  #patience(channel: number): number {
    const usual = this.#usual[channel] as number;
    const longest = this.#longest[channel] as number;
    return Math.max(STALE_LEAST_US, STALE_INTERVALS * usual, STALE_LONGEST * longest);
  }

  #forgive(us: number): void {
    for (let channel = 0; channel < this.#heardAt.length; channel += 1) {
      const heardAt = this.heardAt(channel);
      if (heardAt > 0 && !this.#stale.has(channel)) this.#heardAt[channel] = heardAt + us;
    }
  }

  #grow(channels: number): void {
    this.#heardAt = grown(new Float64Array(channels), this.#heardAt);
    this.#usual = grown(new Float64Array(channels), this.#usual);
    this.#longest = grown(new Float64Array(channels), this.#longest);
    this.#known = grown(new Uint8Array(channels), this.#known);
  }
}

/** Whether silence means anything: what holds its value until it changes, and says no rate, may be silent. */
export function isSteady({ type, rateHz }: Pick<Channel, 'type' | 'rateHz'>): boolean {
  return type === 'number' || rateHz !== undefined;
}

function grown<Column extends Uint8Array | Float64Array>(longer: Column, column: Column): Column {
  longer.set(column);
  return longer;
}
