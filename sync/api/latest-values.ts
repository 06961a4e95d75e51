import type { LatestSample, LiveBatch } from '../../gateway/query/telemetry.ts';

/** The newest value of channels, and which of them changed since they were last taken. As large as there are channels. */
export class LatestValues {
  readonly #latest = new Map<number, LatestSample>();
  readonly #changed = new Set<number>();

  /** Changes not yet taken. */
  get changes(): number {
    return this.#changed.size;
  }

  /** Takes note of a value, unless a newer one is known. `time` UTC, microseconds. */
  offer(channel: number, time: number, value: number | string): void {
    const known = this.#latest.get(channel);
    if (known !== undefined && known.time > time) return;
    this.#latest.set(channel, { time, value });
    this.#changed.add(channel);
  }

  /** Takes note of the newest sample of a batch, under the number `channel`. */
  offerBatch(channel: number, { times, values, start, end, utcOffset }: LiveBatch): void {
    let newest = start;
    for (let i = start + 1; i < end; i += 1) {
      if ((times[i] as number) >= (times[newest] as number)) newest = i;
    }
    const time = times[newest];
    const value = values[newest];
    if (newest < end && time !== undefined && value !== undefined) this.offer(channel, time + utcOffset, value);
  }

  /** The values that changed since the last call, by channel. */
  take(): { channel: number; time: number; value: number | string }[] {
    const taken: { channel: number; time: number; value: number | string }[] = [];
    for (const channel of this.#changed) {
      const sample = this.#latest.get(channel);
      if (sample !== undefined) taken.push({ channel, time: sample.time, value: sample.value });
    }
    this.#changed.clear();
    return taken.sort((a, b) => a.channel - b.channel);
  }
}
