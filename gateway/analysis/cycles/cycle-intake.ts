import { Buffer } from 'node:buffer';
import type { Channel, ChannelSpec } from '../../channel.ts';
import { channelPattern } from '../../channel-pattern.ts';
import { type Intake, type Ticket, textRoom } from '../../intake.ts';
import { cycleSpec, encodeBegin, encodeEnd, sumsSpec } from './cycle-channels.ts';
import { CycleTracker, type EndedCycle } from './cycle-tracker.ts';
import type { CycleConfig, CyclesConfig } from './cycles-config.ts';

/** Channels that are summed over each cycle of a kind. Beyond: told once, and not summed. */
export const SUMMED_CHANNELS_MAX = 1024;

/** Records that wait for room in the ring. Beyond: counted as lost, as samples are. */
const WAITING_MAX = 4 * SUMMED_CHANNELS_MAX;

export interface CycleIntakeParts {
  readonly intake: Intake;
  /** UTC minus box time, microseconds. */
  readonly utcOffset: () => number;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
}

/** What is to be done with the samples of a channel. */
interface Watch {
  readonly channel: Channel;
  readonly isDevice: boolean;
  /** Trackers that it tells where a cycle begins. */
  readonly told: readonly CycleTracker[];
  readonly summed: readonly { readonly tracker: CycleTracker; readonly place: number }[];
}

/**
 * The intake of all sources, where cycles are configured: what goes through it makes cycles, which are taken in behind the very sample that
 * ended them, in the same publish. So a commit has both or neither, and no restart makes a cycle twice.
 */
export class CycleIntake implements Intake {
  readonly #intake: Intake;
  readonly #utcOffset: () => number;
  readonly #kinds: readonly CycleKind[];
  /** By channel id; undefined where nobody wants a channel. */
  readonly #watches: (Watch | undefined)[] = [];
  /** As it was last asked for, by id. */
  readonly #known: (Channel | undefined)[] = [];
  readonly #waiting: { readonly channel: number; readonly time: number; readonly text: string }[] = [];

  constructor({ intake, utcOffset, onProblem }: CycleIntakeParts, cycles: CyclesConfig) {
    this.#intake = intake;
    this.#utcOffset = utcOffset;
    const keep = (spec: ChannelSpec, time: number, text: string) => this.#keep(intake.channel(spec).id, time, text);
    this.#kinds = Object.entries(cycles).map(([name, config]) => new CycleKind(name, config, keep, onProblem));
  }

  get withholds(): boolean {
    return this.#intake.withholds;
  }

  channel(spec: ChannelSpec): Channel {
    const channel = this.#intake.channel(spec);
    if (this.#known[channel.id] !== channel) this.#watch(channel);
    return channel;
  }

  push(channel: number, time: number, value: number): boolean {
    if (!this.#intake.push(channel, time, value)) return false;
    const watch = this.#watches[channel];
    if (watch !== undefined) this.#see(watch, watch.isDevice ? this.#boxTime(time) : time, value);
    return true;
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    const taken = this.#intake.pushColumns(channel, times, values, from, to);
    const watch = this.#watches[channel];
    if (watch === undefined || taken === 0) return taken;
    if (taken === to - from && !watch.isDevice && watch.told.length === 0) {
      for (const { tracker, place } of watch.summed) tracker.addColumns(place, times, values, from, to);
      return taken;
    }
    let seen = 0;
    for (let i = from; i < to && seen < taken; i += 1) {
      const time = times[i] as number;
      if (!Number.isSafeInteger(time)) continue;
      this.#see(watch, watch.isDevice ? this.#boxTime(time) : time, values[i] as number);
      seen += 1;
    }
    return taken;
  }

  pushText(channel: number, time: number, text: string): boolean {
    if (!this.#intake.pushText(channel, time, text)) return false;
    const watch = this.#watches[channel];
    if (watch === undefined) return true;
    for (const tracker of watch.told) tracker.look(watch.isDevice ? this.#boxTime(time) : time, text);
    return true;
  }

  hasRoom(samples: number): boolean {
    return this.#intake.hasRoom(samples);
  }

  settle(): void {
    this.#intake.settle();
  }

  pushReceipt(digest: Uint8Array): boolean {
    return this.#intake.pushReceipt(digest);
  }

  isKnownReceipt(digest: Uint8Array): boolean {
    return this.#intake.isKnownReceipt(digest);
  }

  publish(): Ticket {
    this.#settleWaiting();
    return this.#intake.publish();
  }

  durable(ticket: Ticket): Promise<void> {
    return this.#intake.durable(ticket);
  }

  /** Ends what is open, because nothing more is taken in. `time` is box time. */
  stop(time: number): void {
    for (const { tracker } of this.#kinds) tracker.stop(time);
    this.#settleWaiting();
    for (const { channel, time, text } of this.#waiting.splice(0)) this.#intake.pushText(channel, time, text);
    this.#intake.publish();
  }

  #watch(channel: Channel): void {
    this.#known[channel.id] = channel;
    const told: CycleTracker[] = [];
    const summed: { tracker: CycleTracker; place: number }[] = [];
    for (const kind of this.#kinds) {
      if (kind.isToldBy(channel)) told.push(kind.tracker);
      const place = kind.placeOf(channel);
      if (place !== undefined) summed.push({ tracker: kind.tracker, place });
      // What is no longer to go anywhere must not go as what it came to either; the rest is defined when there is something of it.
      if (channel.residency !== 'any') for (const spec of kind.specsOf(channel)) this.#intake.channel(spec);
    }
    const isDevice = channel.stamp === 'device';
    this.#watches[channel.id] = told.length + summed.length === 0 ? undefined : { channel, isDevice, told, summed };
  }

  /** What a sample ends, it does not belong to. */
  #see({ told, summed }: Watch, time: number, value: number): void {
    for (let i = 0; i < told.length; i += 1) told[i]?.look(time, value);
    for (let i = 0; i < summed.length; i += 1) {
      const sums = summed[i];
      sums?.tracker.add(sums.place, time, value);
    }
  }

  #boxTime(utc: number): number {
    return Math.round(utc - this.#utcOffset());
  }

  #keep(channel: number, time: number, text: string): void {
    this.#waiting.push({ channel, time, text });
    this.#settleWaiting();
    const tooMany = this.#waiting.length - WAITING_MAX;
    if (tooMany > 0)
      for (const lost of this.#waiting.splice(0, tooMany)) this.#intake.pushText(lost.channel, lost.time, lost.text);
  }

  #settleWaiting(): void {
    let settled = 0;
    for (const { channel, time, text } of this.#waiting) {
      if (!this.#intake.hasRoom(textRoom(Buffer.byteLength(text)))) break;
      this.#intake.pushText(channel, time, text);
      settled += 1;
    }
    if (settled > 0) this.#waiting.splice(0, settled);
  }
}

/** One kind of cycle: which channels it hears, and where its cycles are kept. */
class CycleKind {
  readonly tracker: CycleTracker;
  readonly #name: string;
  readonly #by: string;
  readonly #wants: (name: string) => boolean;
  readonly #onProblem: (text: string) => void;
  /** The channel that tells, as it is defined; known before the first cycle. */
  #spec: ChannelSpec | undefined;
  /** Where sums go, by place. */
  readonly #sums: ChannelSpec[] = [];
  readonly #places = new Map<number, number>();
  #isFull = false;

  constructor(
    name: string,
    config: CycleConfig,
    keep: (spec: ChannelSpec, time: number, text: string) => void,
    onProblem: (text: string) => void,
  ) {
    this.#name = name;
    this.#by = config.channel;
    const patterns = config.summary?.map(channelPattern);
    this.#wants = (channel) => patterns === undefined || patterns.some((means) => means(channel));
    this.#onProblem = onProblem;
    this.tracker = new CycleTracker(config, {
      begun: (cycle) => {
        if (this.#spec !== undefined) keep(this.#spec, cycle.from, encodeBegin(cycle, this.#by));
      },
      ended: (cycle) => this.#keepEnded(cycle, keep),
    });
  }

  isToldBy(channel: Channel): boolean {
    if (channel.name !== this.#by) return false;
    this.#spec = cycleSpec(this.#name, channel);
    return true;
  }

  /** Undefined for a channel that is not summed. */
  placeOf(channel: Channel): number | undefined {
    if (channel.type === 'text' || !this.#wants(channel.name)) return undefined;
    let place = this.#places.get(channel.id);
    if (place === undefined) {
      if (this.#places.size >= SUMMED_CHANNELS_MAX) return this.#refuse();
      place = this.tracker.addPlace();
      this.#places.set(channel.id, place);
    }
    this.#sums[place] = sumsSpec(this.#name, channel);
    return place;
  }

  /** The channels with what is made of one. */
  specsOf(channel: Channel): ChannelSpec[] {
    const sums = this.#sums[this.#places.get(channel.id) ?? -1];
    const told = channel.name === this.#by ? this.#spec : undefined;
    return [told, sums].filter((spec) => spec !== undefined);
  }

  #refuse(): undefined {
    const limit = `cycles.${this.#name}: more than ${SUMMED_CHANNELS_MAX} channels`;
    if (!this.#isFull) this.#onProblem(`${limit}; the others have no sums, \`summary\` chooses which have`);
    this.#isFull = true;
  }

  #keepEnded(cycle: EndedCycle, keep: (spec: ChannelSpec, time: number, text: string) => void): void {
    for (const [place, sum] of cycle.sums.entries()) {
      const spec = this.#sums[place];
      if (sum !== undefined && spec !== undefined) keep(spec, cycle.to, JSON.stringify(sum));
    }
    if (this.#spec !== undefined) keep(this.#spec, cycle.to, encodeEnd(cycle));
  }
}
