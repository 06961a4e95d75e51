import type { AskedTelemetry, StoredChannel } from './query/telemetry.ts';
import { whenHere } from './query/when-here.ts';
import { StaleWatch } from './stale-watch.ts';

const ROOM_FIRST = 256;

/** Says which channels of a store are stale to who only follows it, as a central does: by what is committed, not by what is heard. */
export class FollowedFreshness {
  readonly #telemetry: AskedTelemetry;
  readonly #watch = new StaleWatch();
  readonly #unfollow: () => void;
  #activity = new Uint8Array(ROOM_FIRST);
  #channels: ReadonlyMap<number, StoredChannel> = new Map();

  constructor(telemetry: AskedTelemetry) {
    this.#telemetry = telemetry;
    this.#unfollow = telemetry.follow(({ channel }) => this.#hear(channel));
  }

  /** To be called about once a second. @param now any clock that goes on steadily, microseconds */
  look(now: number): void {
    this.#watch.look(now, this.#activity, this.#activity.length);
    const learn = (channels: readonly StoredChannel[]) => {
      if (channels.length !== this.#channels.size) this.#channels = new Map(channels.map((one) => [one.id, one]));
    };
    // Where the channels cannot be told, those that are known stay, and the next look asks again.
    whenHere(
      () => this.#telemetry.channels(),
      learn,
      () => {},
    );
  }

  isStale(channel: number): boolean {
    const definition = this.#channels.get(channel);
    return definition === undefined || this.#watch.isStale(definition);
  }

  stop(): void {
    this.#unfollow();
  }

  #hear(channel: number): void {
    if (channel >= this.#activity.length) {
      const longer = new Uint8Array(2 * (channel + 1));
      longer.set(this.#activity);
      this.#activity = longer;
    }
    this.#activity[channel] = 1;
  }
}
