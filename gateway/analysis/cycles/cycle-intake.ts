import { Buffer } from 'node:buffer';
import type { Channel, ChannelSpec } from '../../channel.ts';
import { channelPattern } from '../../channel-pattern.ts';
import { type Intake, type Ticket, textRoom } from '../../intake.ts';
import type { CycleKindStatus } from '../../status.ts';
import { cycleSpec, encodeBegin, encodeEnd, sumsSpec } from './cycle-channels.ts';
import { CycleSettling, type CycleSettlingParts, type LateWatches, SUMMED_CHANNELS_MAX } from './cycle-settling.ts';
import { type BegunCycle, CycleTracker, type EndedCycle } from './cycle-tracker.ts';
import type { CycleConfig, CyclesConfig } from './cycles-config.ts';
import { triggerProblem } from './trigger-problem.ts';

/** Records that wait for room in the ring. Beyond: counted as lost, as samples are. */
const WAITING_MAX = 4 * SUMMED_CHANNELS_MAX;

/** How often what is wrong with a channel that tells is looked at, microseconds. */
const LOOK_AGAIN_US = 5e6;

export interface CycleIntakeParts extends Omit<CycleSettlingParts, 'intake' | 'keep'> {
  readonly intake: Intake;
  /** UTC minus box time, microseconds. */
  readonly utcOffset: () => number;
  /** Of each kind, the number of its last cycle of an earlier run; 0 where there is none. */
  readonly lastNumber: (name: string) => number;
  /** Of all channels. */
  readonly names: () => Iterable<string>;
}

/** What is to be done with the samples of a channel. */
interface Watch {
  readonly isDevice: boolean;
  /** Kinds that it tells where a cycle begins. */
  readonly told: readonly CycleKind[];
  /** Told of what comes too late for the sums of a cycle. */
  readonly late: readonly LateWatches[];
}

/**
 * The intake of all sources, where cycles are configured: what goes through it makes cycles, whose begins and ends are taken in behind the
 * very sample that made them, in the same publish. So a commit has both or neither, and no restart makes a cycle twice.
 */
export class CycleIntake implements Intake {
  readonly settling: CycleSettling;
  readonly #intake: Intake;
  readonly #parts: CycleIntakeParts;
  readonly #kinds: readonly CycleKind[];
  /** By channel id; undefined where nobody wants a channel. */
  readonly #watches: (Watch | undefined)[] = [];
  /** As it was last asked for, by id. */
  readonly #known: (Channel | undefined)[] = [];
  readonly #waiting: { readonly channel: number; readonly time: number; readonly text: string }[] = [];

  constructor(parts: CycleIntakeParts, cycles: CyclesConfig) {
    const { intake, lastNumber } = parts;
    this.#intake = intake;
    this.#parts = parts;
    const keep = (to: ChannelSpec | number, time: number, text: string) =>
      this.#keep(typeof to === 'number' ? to : intake.channel(to).id, time, text);
    this.settling = new CycleSettling({ ...parts, keep, intake: this }, cycles);
    this.#kinds = Object.entries(cycles).map(
      ([name, config]) => new CycleKind(name, config, { keep, settling: this.settling, last: lastNumber(name) }),
    );
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
    if (watch !== undefined) this.#see(watch, time, value);
    return true;
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    const taken = this.#intake.pushColumns(channel, times, values, from, to);
    const watch = this.#watches[channel];
    if (watch === undefined || taken === 0) return taken;
    if (taken === to - from && !watch.isDevice && watch.told.length === 0) {
      for (const { own } of watch.late) own.seeColumn(times, from, to);
      return taken;
    }
    let seen = 0;
    for (let i = from; i < to && seen < taken; i += 1) {
      const time = times[i] as number;
      if (!Number.isSafeInteger(time)) continue;
      this.#see(watch, time, values[i] as number);
      seen += 1;
    }
    return taken;
  }

  pushText(channel: number, time: number, text: string): boolean {
    if (!this.#intake.pushText(channel, time, text)) return false;
    const watch = this.#watches[channel];
    if (watch === undefined) return true;
    for (const kind of watch.told) kind.look(watch.isDevice ? this.#boxTime(time) : time, text, this.#parts.now());
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

  /**
   * Ends what is open, because nothing more is taken in, and makes the sums that are left. `time` is box time.
   * @param limitMs how long that may take
   */
  async stop(time: number, limitMs: number): Promise<void> {
    for (const { tracker } of this.#kinds) tracker.stop(time);
    this.publish();
    await this.settling.finish(limitMs);
    this.#settleWaiting();
    for (const { channel, time, text } of this.#waiting.splice(0)) this.#intake.pushText(channel, time, text);
    this.#intake.publish();
  }

  /** How each kind does. */
  status(): CycleKindStatus[] {
    return this.#kinds.map((kind) => kind.status(this.#parts));
  }

  #watch(channel: Channel): void {
    this.#known[channel.id] = channel;
    const told: CycleKind[] = [];
    const late: LateWatches[] = [];
    for (const kind of this.#kinds) {
      if (kind.isToldBy(channel)) told.push(kind);
      if (kind.sums(channel)) late.push(kind.late);
      // What is no longer to go anywhere must not go as what it came to either; the rest is defined when there is something of it.
      if (channel.residency !== 'any') for (const spec of kind.specsOf(channel)) this.#intake.channel(spec);
    }
    const isDevice = channel.stamp === 'device';
    this.#watches[channel.id] = told.length + late.length === 0 ? undefined : { isDevice, told, late };
  }

  /** @param stamp box time, or UTC of a device */
  #see({ isDevice, told, late }: Watch, stamp: number, value: number): void {
    const time = isDevice ? this.#boxTime(stamp) : stamp;
    for (let i = 0; i < told.length; i += 1) told[i]?.look(time, value, this.#parts.now());
    for (let i = 0; i < late.length; i += 1) {
      const watches = late[i];
      if (watches === undefined) continue;
      if (time < watches.own.until) watches.own.see(time);
      if (isDevice && stamp < watches.earlier.until) watches.earlier.see(stamp);
    }
  }

  #boxTime(utc: number): number {
    return Math.round(utc - this.#parts.utcOffset());
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

/** What was found of the channel that tells, and when. */
interface Looked {
  readonly at: number;
  readonly heard: number | undefined;
  readonly problem: string | undefined;
}

interface CycleKindParts {
  readonly keep: (spec: ChannelSpec, time: number, text: string) => void;
  readonly settling: CycleSettling;
  /** Number of the last cycle. */
  readonly last: number;
}

/** One kind of cycle: which channels it hears, and where its cycles are kept. */
class CycleKind {
  readonly tracker: CycleTracker;
  /** Told of what comes too late. */
  readonly late: LateWatches;
  readonly #name: string;
  readonly #config: CycleConfig;
  readonly #wants: (name: string) => boolean;
  /** Records of the channel that tells, as it is defined; known before the first cycle. */
  #spec: ChannelSpec | undefined;
  /** When the channel that tells was heard last, box time. */
  #heard: number | undefined;
  #looked: Looked = { at: Number.NEGATIVE_INFINITY, heard: undefined, problem: undefined };

  constructor(name: string, config: CycleConfig, { keep, settling, last }: CycleKindParts) {
    this.#name = name;
    this.#config = config;
    const patterns = config.summary?.map(channelPattern);
    this.#wants = (channel) => patterns === undefined || patterns.some((means) => means(channel));
    this.late = settling.lateOf(name);
    const tell = (time: number, text: string) => {
      if (this.#spec !== undefined) keep(this.#spec, time, text);
    };
    const sink = {
      begun: (cycle: BegunCycle) => tell(cycle.from, encodeBegin(cycle, config.channel)),
      ended: (cycle: EndedCycle) => {
        tell(cycle.to, encodeEnd(cycle));
        settling.ended(name, cycle);
      },
    };
    this.tracker = new CycleTracker(config, sink, last);
  }

  /** A sample of the channel that tells. @param now when it came, box time */
  look(time: number, value: number | string, now: number): void {
    this.#heard = now;
    this.tracker.look(time, value);
  }

  status(parts: Pick<CycleIntakeParts, 'started' | 'now' | 'utcOf' | 'channelNamed' | 'names'>): CycleKindStatus {
    const { utcOf, now, channelNamed } = parts;
    const { open } = this.tracker;
    const problem = this.#problemAt(now(), () => {
      const sight = { ...parts, now: now(), channel: channelNamed(this.#config.channel), heard: this.#heard };
      return triggerProblem(this.#config, sight);
    });
    return {
      name: this.#name,
      channel: this.#config.channel,
      ...(this.#heard !== undefined && { heard: utcOf(this.#heard) }),
      ...(open && { open: open.label === '' ? String(open.number) : open.label, since: utcOf(open.from) }),
      ...(problem !== undefined && { problem }),
    };
  }

  /** To look for a name that is like another takes a while: what is wrong is looked at again now and then. */
  #problemAt(now: number, look: () => string | undefined): string | undefined {
    if (this.#heard !== this.#looked.heard || now - this.#looked.at >= LOOK_AGAIN_US) {
      this.#looked = { at: now, heard: this.#heard, problem: look() };
    }
    return this.#looked.problem;
  }

  isToldBy(channel: Channel): boolean {
    if (channel.name !== this.#config.channel) return false;
    this.#spec = cycleSpec(this.#name, channel);
    return true;
  }

  sums({ type, name }: Channel): boolean {
    return type !== 'text' && this.#wants(name);
  }

  /** The channels with what is made of one. */
  specsOf(channel: Channel): ChannelSpec[] {
    const sums = this.sums(channel) ? sumsSpec(this.#name, channel) : undefined;
    const told = channel.name === this.#config.channel ? this.#spec : undefined;
    return [told, sums].filter((spec) => spec !== undefined);
  }
}
