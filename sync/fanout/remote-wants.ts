/** How long a word of another process counts, milliseconds: three times as long as until it says it again. */
const WANTED_MS = 15_000;

/** Gateways of which other processes may want something; of each, words that count at a time, and channels. Beyond: not heard. */
const GATEWAYS_MAX = 4096;
const WORDS_MAX = 256;
const CHANNELS_MAX = 65_536;

/** What one says, until when. */
interface Want {
  readonly channels: readonly string[];
  readonly until: number;
}

/** What processes at other machines watch, as they say it from time to time. */
export class RemoteWants {
  /** By gateway and teller. */
  readonly #wants = new Map<string, Map<string, Want>>();

  /**
   * @param teller a process, with the number of the part where it does not say all in one: what it said before counts no more
   * @param now milliseconds, monotonic
   */
  hear(gateway: string, teller: string, channels: readonly string[], now: number): void {
    for (const [each, wants] of this.#wants) this.#forget(each, wants, now);
    let wants = this.#wants.get(gateway);
    if (wants === undefined) {
      if (this.#wants.size >= GATEWAYS_MAX) return;
      wants = new Map();
      this.#wants.set(gateway, wants);
    }
    if (channels.length === 0) wants.delete(teller);
    else if (wants.has(teller) || wants.size < WORDS_MAX) wants.set(teller, { channels, until: now + WANTED_MS });
  }

  /** Channels of a gateway that somebody elsewhere watches. */
  channels(gateway: string, now: number): Set<string> {
    const channels = new Set<string>();
    const wants = this.#wants.get(gateway);
    if (wants === undefined) return channels;
    this.#forget(gateway, wants, now);
    for (const want of wants.values()) {
      for (const channel of want.channels) if (channels.size < CHANNELS_MAX) channels.add(channel);
    }
    return channels;
  }

  #forget(gateway: string, wants: Map<string, Want>, now: number): void {
    for (const [teller, { until }] of wants) if (until < now) wants.delete(teller);
    if (wants.size === 0) this.#wants.delete(gateway);
  }
}
