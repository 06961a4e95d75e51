import { type Channel, type ChannelSpec, normalName } from '../../gateway/channel.ts';
import type { ChannelActivity } from '../../gateway/channel-activity.ts';
import { channelPattern } from '../../gateway/channel-pattern.ts';
import type { Clock } from '../../gateway/clock.ts';
import { type Intake, type Ticket, textRoom } from '../../gateway/intake.ts';
import { CHANNELS_MAX } from '../../gateway/limits.ts';
import { isRawChannel } from '../raw-channel.ts';
import {
  ChannelThinning,
  KeptRun,
  LEFT_OUT_REASONS,
  type LeftOutReason,
  OVER_LIMIT,
  RELEASED_MAX,
  thinnedRate,
} from './channel-thinning.ts';
import type { KeepRule, ShapingConfig } from './shaping-config.ts';

/** Samples of a column that are looked at before what is kept of them is handed on. */
const COLUMN_SAMPLES = 1024;

/** Seconds over which the rate of a source is averaged before its limit leaves something out. */
const LIMIT_SECONDS = 10;

export interface ShapingParts {
  /** Where what is kept goes. */
  readonly intake: Intake;
  readonly clock: Pick<Clock, 'now'>;
  readonly source: string;
  readonly activity: ChannelActivity;
}

/**
 * The intake of one source whose config says what is kept of its samples. What is left out by a rule counts as taken: the
 * source has done its part. Extremes are held until their stretch is over; before a message is said to be durable, what is
 * held of it goes out, so that acknowledged means kept.
 */
export class ShapingIntake implements Intake {
  readonly #inner: Intake;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #source: string;
  /** A channel of which much is left out is heard all the same: a rule must not make it look silent. */
  readonly #activity: ChannelActivity;
  readonly #rules: readonly { readonly rule: KeepRule; readonly fits: (name: string) => boolean }[];
  readonly #perSecond: number;
  /** By channel id; undefined where every sample is kept. */
  readonly #thinnings: (ChannelThinning | undefined)[] = [];
  /** As {@link ChannelRegistry} remembers what it was asked for, with the definition that was made of it. */
  readonly #asked = new Map<string, { spec: ChannelSpec; channel: Channel }>();
  readonly #kept = new KeptRun(COLUMN_SAMPLES + RELEASED_MAX);
  /** By reason. */
  readonly #leftOut = new Float64Array(LEFT_OUT_REASONS.length);
  /** Channels that hold something, and since when, box time in microseconds. */
  readonly #holders = new Map<number, number>();
  #held = 0;
  /** Samples that may still come before the limit. */
  #budget: number;
  #filledAt: number;
  #wasOver = 0;

  constructor(parts: ShapingParts, { keep = [], samplesPerSecondMax }: ShapingConfig) {
    const { intake, clock, source, activity } = parts;
    this.#inner = intake;
    this.#clock = clock;
    this.#source = source;
    this.#activity = activity;
    this.#rules = keep.map((rule) => ({ rule, fits: channelPattern(rule.channels) }));
    this.#perSecond = samplesPerSecondMax ?? Number.POSITIVE_INFINITY;
    this.#budget = this.#perSecond * LIMIT_SECONDS;
    this.#filledAt = clock.now();
  }

  get withholds(): boolean {
    return this.#inner.withholds;
  }

  /** Samples left out since the start, by reason; a reason that did not occur is missing. */
  get leftOut(): Readonly<Partial<Record<LeftOutReason, number>>> {
    const counts = LEFT_OUT_REASONS.map((reason, index) => [reason, this.#leftOut[index] ?? 0] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  channel(spec: ChannelSpec): Channel {
    const asked = this.#asked.get(spec.name);
    if (asked?.spec === spec) return asked.channel;
    const name = normalName(spec.name);
    const rule = this.#ruleOf(name);
    const channel = this.#inner.channel(rule === undefined ? spec : thinnedSpec(spec, rule));
    // The channel that stands for all those beyond the maximum has another name: its samples are losses, and stay such.
    if (rule !== undefined && channel.name === name) this.#thin(channel.id, rule);
    if (this.#asked.size >= CHANNELS_MAX) this.#asked.clear();
    this.#asked.set(spec.name, { spec, channel });
    return channel;
  }

  push(channel: number, time: number, value: number): boolean {
    this.#activity[channel] = 1;
    const thinning = this.#thinnings[channel];
    if (thinning === undefined || !Number.isSafeInteger(time)) {
      return this.#spend(1) === 0 || this.#inner.push(channel, time, value);
    }
    this.#offer(channel, thinning, time, value);
    return this.#forward(channel) === 0;
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    if (from < to) this.#activity[channel] = 1;
    const thinning = this.#thinnings[channel];
    if (thinning === undefined) {
      const count = this.#spend(to - from);
      return to - from - count + this.#inner.pushColumns(channel, times, values, from, from + count);
    }
    let refused = 0;
    for (let at = from; at < to; at += 1) {
      const time = times[at] as number;
      if (!Number.isSafeInteger(time)) {
        refused += this.#forward(channel);
        if (!this.#inner.push(channel, time, values[at] as number)) refused += 1;
        continue;
      }
      this.#offer(channel, thinning, time, values[at] as number);
      if (this.#kept.count >= COLUMN_SAMPLES) refused += this.#forward(channel);
    }
    // What was held of samples before may be among what was refused.
    return Math.max(0, to - from - refused - this.#forward(channel));
  }

  pushText(channel: number, time: number, text: string): boolean {
    this.#activity[channel] = 1;
    const thinning = this.#thinnings[channel];
    if (thinning !== undefined && Number.isSafeInteger(time) && !thinning.offerText(time, text)) {
      this.#leave(thinning.reason, 1);
      return true;
    }
    const room = textRoom(text.length);
    if (this.#budget < room) {
      this.#leave(OVER_LIMIT, 1);
      return true;
    }
    this.#budget -= room;
    return this.#inner.pushText(channel, time, text);
  }

  hasRoom(samples: number): boolean {
    return this.#inner.hasRoom(samples + this.#held);
  }

  settle(): void {
    this.#inner.settle();
  }

  /** The receipt tells of all samples before it, so what is held of them goes first. */
  pushReceipt(digest: Uint8Array): boolean {
    this.#release(Number.POSITIVE_INFINITY);
    return this.#inner.pushReceipt(digest);
  }

  isKnownReceipt(digest: Uint8Array): boolean {
    return this.#inner.isKnownReceipt(digest);
  }

  publish(): Ticket {
    if (Number.isFinite(this.#perSecond)) this.#refill();
    return this.#inner.publish();
  }

  durable(ticket: Ticket): Promise<void> {
    if (this.#held === 0) return this.#inner.durable(ticket);
    this.#release(Number.POSITIVE_INFINITY);
    return this.#inner.durable(this.#inner.publish());
  }

  /**
   * To be called about once a second: what is held of channels that went quiet goes out. Returns what a person should know:
   * that the source brought more than its limit since the last call.
   */
  tick(): string | undefined {
    if (this.#release(this.#clock.now())) this.publish();
    const over = (this.#leftOut[OVER_LIMIT] ?? 0) - this.#wasOver;
    this.#wasOver += over;
    if (over === 0) return undefined;
    return `${over} samples were left out: it brings more than samplesPerSecondMax: ${this.#perSecond}`;
  }

  /** The source has stopped: what is held goes out. */
  close(): void {
    this.#release(Number.POSITIVE_INFINITY);
    this.publish();
  }

  /** Once a batch, because a look at the clock a sample would cost more than all the rest. */
  #refill(): void {
    const now = this.#clock.now();
    const earned = ((now - this.#filledAt) / 1e6) * this.#perSecond;
    this.#budget = Math.min(this.#perSecond * LIMIT_SECONDS, this.#budget + earned);
    this.#filledAt = now;
  }

  /** What came from the wire is kept whole or not at all, or it could not be decoded again. */
  #ruleOf(name: string): KeepRule | undefined {
    if (isRawChannel(this.#source, name)) return undefined;
    return this.#rules.find(({ fits }) => fits(name))?.rule;
  }

  #thin(channel: number, rule: KeepRule): void {
    while (this.#thinnings.length <= channel) this.#thinnings.push(undefined);
    this.#thinnings[channel] ??= new ChannelThinning(rule);
  }

  /** Puts what is to be kept now into the run, and counts the rest. */
  #offer(channel: number, thinning: ChannelThinning, time: number, value: number): void {
    const { held } = thinning;
    const { count } = this.#kept;
    thinning.offer(time, value, this.#kept);
    const released = this.#kept.count - count;
    this.#leftOut[thinning.reason] = (this.#leftOut[thinning.reason] as number) + 1 + held - released - thinning.held;
    if (thinning.held === held && released === 0) return;
    this.#held += thinning.held - held;
    if (thinning.held === 0) this.#holders.delete(channel);
    else if (held === 0 || released > 0) this.#holders.set(channel, this.#clock.now());
  }

  /** Hands the run on; returns how many of it were refused. */
  #forward(channel: number): number {
    const kept = this.#kept;
    const { count } = kept;
    if (count === 0) return 0;
    kept.count = 0;
    const allowed = this.#spend(count);
    if (allowed === 0) return 0;
    if (allowed === 1) return this.#inner.push(channel, kept.times[0] as number, kept.values[0] as number) ? 0 : 1;
    return allowed - this.#inner.pushColumns(channel, kept.times, kept.values, 0, allowed);
  }

  /** Hands on what is held for longer than its stretch is; true where something was. */
  #release(now: number): boolean {
    if (this.#held === 0) return false;
    let isAny = false;
    for (const [channel, since] of this.#holders) {
      const thinning = this.#thinnings[channel];
      if (thinning === undefined || now - since < thinning.spanUs) continue;
      this.#held -= thinning.held;
      thinning.release(this.#kept);
      this.#holders.delete(channel);
      this.#forward(channel);
      isAny = true;
    }
    return isAny;
  }

  /** Of `count` samples as many as may still come; the rest is left out. */
  #spend(count: number): number {
    const allowed = this.#budget >= count ? count : Math.floor(this.#budget);
    this.#budget -= allowed;
    if (allowed < count) this.#leave(OVER_LIMIT, count - allowed);
    return allowed;
  }

  #leave(reason: number, count: number): void {
    this.#leftOut[reason] = (this.#leftOut[reason] ?? 0) + count;
  }
}

function thinnedSpec({ rateHz, ...spec }: ChannelSpec, rule: KeepRule): ChannelSpec {
  const rate = thinnedRate(rateHz === undefined ? spec : { ...spec, rateHz }, rule);
  return rate === undefined ? spec : { ...spec, rateHz: rate };
}
