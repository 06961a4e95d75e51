/** How long a word of another process counts, milliseconds: three times as long as until it says it again. */
const WANTED_MS = 15_000;

/** Gateways of which other processes may want something, and channels of each. Beyond: not heard. */
const GATEWAYS_MAX = 4096;
const CHANNELS_MAX = 65_536;

/** What processes at other machines watch, as they say it from time to time. */
export class RemoteWants {
  /** By gateway and process. */
  readonly #wants = new Map<string, Map<string, { readonly channels: readonly string[]; readonly until: number }>>();

  /** @param now milliseconds, monotonic */
  hear(gateway: string, process: string, channels: readonly string[], now: number): void {
    this.#forget(now);
    let wants = this.#wants.get(gateway);
    if (wants === undefined) {
      if (this.#wants.size >= GATEWAYS_MAX) return;
      wants = new Map();
      this.#wants.set(gateway, wants);
    }
    if (channels.length === 0) wants.delete(process);
    else wants.set(process, { channels: channels.slice(0, CHANNELS_MAX), until: now + WANTED_MS });
  }

  /** Channels of a gateway that somebody elsewhere watches. */
  channels(gateway: string, now: number): Set<string> {
    this.#forget(now);
    const channels = new Set<string>();
    for (const want of this.#wants.get(gateway)?.values() ?? []) {
      for (const channel of want.channels) if (channels.size < CHANNELS_MAX) channels.add(channel);
    }
    return channels;
  }

  #forget(now: number): void {
    for (const [gateway, wants] of this.#wants) {
      for (const [process, { until }] of wants) if (until < now) wants.delete(process);
      if (wants.size === 0) this.#wants.delete(gateway);
    }
  }
}
