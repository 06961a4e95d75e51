import { type Channel, type ChannelSpec, normalName } from '../../gateway/channel.ts';
import type { Intake, Ticket } from '../../gateway/intake.ts';
import { BACKLOG_SAMPLES_MAX } from './backlog.ts';
import type { RedundancyConfig } from './redundancy-config.ts';
import { RedundantChannel, type RedundantParts } from './redundant-channel.ts';

interface Membership {
  readonly channel: RedundantChannel;
  readonly rank: number;
}

/** Which channels measure the same, by the name of each; shared by the intakes of all sources. */
export function redundantChannels({ channels = [] }: RedundancyConfig, parts: RedundantParts): Map<string, Membership> {
  const members = new Map<string, Membership>();
  for (const config of channels) {
    const channel = new RedundantChannel(config, parts);
    for (const [rank, name] of config.from.entries()) members.set(name, { channel, rank });
  }
  return members;
}

/**
 * The intake of one source of a gateway some channels of which are redundant: all samples pass as they are, and those of the
 * best source also become samples of the channel that is made of it, in the same batch.
 */
export class RedundancyIntake implements Intake {
  readonly #inner: Intake;
  readonly #members: ReadonlyMap<string, Membership>;
  /** By channel id; undefined for one that is no member, or refused. */
  readonly #links: (Membership | undefined)[] = [];
  readonly #asked = new Map<string, ChannelSpec>();
  #hasMembers = false;

  /** @param members from {@link redundantChannels} */
  constructor(inner: Intake, members: ReadonlyMap<string, Membership>) {
    this.#inner = inner;
    this.#members = members;
  }

  get withholds(): boolean {
    return this.#inner.withholds;
  }

  channel(spec: ChannelSpec): Channel {
    const channel = this.#inner.channel(spec);
    if (this.#asked.get(channel.name) === spec) return channel;
    const membership = this.#members.get(normalName(spec.name));
    // The channel that stands for all those beyond the maximum has another name.
    if (membership === undefined || channel.name !== normalName(spec.name)) return channel;
    this.#asked.set(channel.name, spec);
    while (this.#links.length <= channel.id) this.#links.push(undefined);
    this.#links[channel.id] = membership.channel.join(membership.rank, spec) ? membership : undefined;
    this.#hasMembers = true;
    return channel;
  }

  push(channel: number, time: number, value: number): boolean {
    const isTaken = this.#inner.push(channel, time, value);
    const link = this.#links[channel];
    if (link !== undefined && Number.isSafeInteger(time)) link.channel.offer(link.rank, time, value);
    return isTaken;
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    const taken = this.#inner.pushColumns(channel, times, values, from, to);
    const link = this.#links[channel];
    if (link !== undefined) link.channel.offerColumns(link.rank, times, values, from, to);
    return taken;
  }

  pushText(channel: number, time: number, text: string): boolean {
    return this.#inner.pushText(channel, time, text);
  }

  hasRoom(samples: number): boolean {
    return this.#inner.hasRoom(this.#hasMembers ? 2 * samples + BACKLOG_SAMPLES_MAX : samples);
  }

  settle(): void {
    this.#inner.settle();
  }

  pushReceipt(digest: Uint8Array): boolean {
    return this.#inner.pushReceipt(digest);
  }

  isKnownReceipt(digest: Uint8Array): boolean {
    return this.#inner.isKnownReceipt(digest);
  }

  publish(): Ticket {
    return this.#inner.publish();
  }

  durable(ticket: Ticket): Promise<void> {
    return this.#inner.durable(ticket);
  }
}
