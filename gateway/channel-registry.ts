import { isDeepStrictEqual } from 'node:util';
import { type Channel, type ChannelSpec, channelOf, defineChannel } from './channel.ts';
import { CHANNELS_MAX } from './limits.ts';

/** Samples of channels beyond CHANNELS_MAX are counted as lost under this name. */
const OVERFLOW_NAME = 'caisson/channels-full';

/** Gives channels their ids. Lives with the intake; the store hears of every definition before the first sample of it. */
export class ChannelRegistry {
  readonly #byName = new Map<string, Channel>();
  readonly #byId = new Map<number, Channel>();
  /**
   * The spec a channel was last asked for with, so that the usual call is one comparison of references; by name as the source
   * spells it. At the maximum of channels: forgotten, and made again as it is asked for.
   */
  readonly #lastSpec = new Map<string, { spec: ChannelSpec; channel: Channel }>();
  readonly #critical = new Set<number>();
  readonly #announce: (channel: Channel) => void;
  readonly #channelsMax: number;
  #nextId = 1;
  #overflow: Channel | undefined;

  /**
   * @param known channels the store has
   * @param announce told of every new or changed definition, before any sample of it is published
   */
  constructor(known: readonly Channel[], announce: (channel: Channel) => void, channelsMax = CHANNELS_MAX) {
    this.#announce = announce;
    this.#channelsMax = channelsMax;
    for (const channel of known) {
      this.#byName.set(channel.name, channel);
      this.#byId.set(channel.id, channel);
      this.#noteClass(channel);
      this.#nextId = Math.max(this.#nextId, channel.id + 1);
    }
  }

  get size(): number {
    return this.#byName.size;
  }

  /** The channel of that name with that definition; made or redefined where need be. */
  define(spec: ChannelSpec): Channel {
    const last = this.#lastSpec.get(spec.name);
    if (last !== undefined && (last.spec === spec || isDeepStrictEqual(last.spec, spec))) return last.channel;
    const channel = this.#place(spec);
    if (this.#lastSpec.size >= this.#channelsMax) this.#lastSpec.clear();
    this.#lastSpec.set(spec.name, { spec, channel });
    return channel;
  }

  /** Every channel, in no order. */
  channels(): IterableIterator<Channel> {
    return this.#byName.values();
  }

  /** One past the greatest id. */
  get end(): number {
    return this.#nextId;
  }

  /** The channel of that name. */
  named(name: string): Channel | undefined {
    return this.#byName.get(name);
  }

  /** The channel of that id. */
  channel(id: number): Channel | undefined {
    return this.#byId.get(id);
  }

  /** True for a channel of class `critical`. */
  isCritical(id: number): boolean {
    return this.#critical.has(id);
  }

  /** True for the channel that stands for all channels beyond the maximum. */
  isOverflow(id: number): boolean {
    return this.#overflow?.id === id;
  }

  #place(spec: ChannelSpec): Channel {
    const definition = defineChannel(spec);
    const known = this.#byName.get(definition.name);
    if (known === undefined && this.#byName.size >= this.#channelsMax) return this.#overflowChannel();
    const channel = channelOf(known?.id ?? this.#nextId, definition);
    if (known !== undefined && isDeepStrictEqual(known, channel)) return known;
    return this.#add(channel);
  }

  #overflowChannel(): Channel {
    this.#overflow ??=
      this.#byName.get(OVERFLOW_NAME) ??
      this.#add(channelOf(this.#nextId, defineChannel({ name: OVERFLOW_NAME, source: 'caisson' })));
    return this.#overflow;
  }

  #add(channel: Channel): Channel {
    this.#byName.set(channel.name, channel);
    this.#byId.set(channel.id, channel);
    this.#noteClass(channel);
    this.#nextId = Math.max(this.#nextId, channel.id + 1);
    this.#announce(channel);
    return channel;
  }

  #noteClass({ id, class: channelClass }: Channel): void {
    if (channelClass === 'critical') this.#critical.add(id);
    else this.#critical.delete(id);
  }
}
