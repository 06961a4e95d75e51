import { CaissonError } from '../../gateway/errors.ts';
import type { BlockSource } from '../../gateway/query/block-source.ts';
import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import { BootClocks } from '../../gateway/query/utc.ts';
import type { FeedItem, KeptBoot, KeptGap } from '../../gateway/store/block-rows.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import type { NewsItem } from './news.ts';

/** What names of a feed stand for; a store in files has it, and what was read of one that is elsewhere. */
export type NamedRows = Pick<BlockSource, 'boots' | 'channelsAfter' | 'clockAfter' | 'derivedBootsAfter'>;

/** By the position of a pack: how many of the first samples of each block are no news; undefined: all are. */
export type Passed = (position: number) => readonly number[] | undefined;

interface NewsTerms {
  readonly wants: (channel: string) => boolean;
  readonly passed: Passed;
}

/** Makes news of items of a store's feed: samples of blocks, with UTC as far as it is known. */
export class NewsItems {
  readonly #rows: NamedRows;
  readonly #onProblem: (text: string) => void;
  readonly #clocks = new BootClocks();
  /** By gateway and name. */
  readonly #boots = new Map<string, KeptBoot>();
  readonly #channels = new Map<string, StoredChannel>();
  #channelsPosition = 0;

  /** @param onProblem told of a pack that cannot be read; it costs itself */
  constructor(rows: NamedRows, onProblem: (text: string) => void) {
    this.#rows = rows;
    this.#onProblem = onProblem;
  }

  /**
   * @param wants channels whose samples matter, by name; blocks of others are not decoded
   * @param passed how many samples of each block of a pack, its first ones, are no news any more; by its position
   */
  of(
    gateway: string,
    items: readonly FeedItem[],
    wants: (channel: string) => boolean = () => true,
    passed: Passed = () => undefined,
  ): NewsItem[] {
    this.#learn();
    return items.flatMap((item) => this.#of(gateway, item, { wants, passed }));
  }

  channel(gateway: string, name: string): StoredChannel | undefined {
    return this.#channels.get(keyOf(gateway, name));
  }

  #of(gateway: string, item: FeedItem, terms: NewsTerms): NewsItem[] {
    const { position } = item;
    const { wants } = terms;
    switch (item.kind) {
      case 'boot':
        return item.origin === undefined ? [{ kind: 'boot', position, boot: item.boot, started: item.started }] : [];
      case 'pack':
        return this.#samples(gateway, item, terms);
      case 'gap':
        return this.#missed(gateway, position, item.boot, [{ ...item.gap, channel: item.channel }], wants);
      case 'given-up':
        return this.#missed(gateway, position, item.boot, item.gaps, wants);
      default:
        return [];
    }
  }

  #samples(gateway: string, item: Extract<FeedItem, { kind: 'pack' }>, terms: NewsTerms): NewsItem[] {
    try {
      return this.#decoded(gateway, item, terms);
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      this.#onProblem(`the pack at ${item.position} of ${gateway} cannot be delivered: ${error.message}`);
      return [];
    }
  }

  #decoded(
    gateway: string,
    { position, bytes }: Extract<FeedItem, { kind: 'pack' }>,
    { wants, passed }: NewsTerms,
  ): NewsItem[] {
    const pack = Pack.open(bytes);
    const { boot: name, stamp } = pack.header;
    const boot = this.#boots.get(keyOf(gateway, name));
    if (boot === undefined || boot.origin !== undefined) return [];
    const counts = passed(position);
    return pack.blocks.flatMap(({ channel, firstSequence: first, count, timeMax }, index): NewsItem[] => {
      const from = counts?.[index] ?? 0;
      if (!wants(channel) || from === count) return [];
      const samples = pack.samples(index);
      const utcOffset = this.#clocks.of(boot.id, stamp).offsetAt(timeMax);
      const times = samples.times.subarray(from);
      const values = from === 0 ? samples.values : samples.values.slice(from);
      const run = { boot: name, channel, firstSequence: first + from, times, values, utcOffset };
      return [{ kind: 'samples', position, run }];
    });
  }

  #missed(
    gateway: string,
    position: number,
    name: string,
    gaps: readonly (Omit<KeptGap, 'channel' | 'boot'> & { readonly channel: string })[],
    wants: (channel: string) => boolean,
  ): NewsItem[] {
    const boot = this.#boots.get(keyOf(gateway, name));
    if (boot === undefined || boot.origin !== undefined) return [];
    return gaps.flatMap(({ channel, firstSequence, count, from, to, cause }): NewsItem[] => {
      if (!wants(channel)) return [];
      const map = this.#clocks.of(boot.id, this.channel(gateway, channel)?.stamp ?? 'arrival');
      const utc = { from: from + map.offsetAt(from), to: to + map.offsetAt(to) };
      return [{ kind: 'missed', position, run: { boot: name, channel, firstSequence, count, ...utc, cause } }];
    });
  }

  #learn(): void {
    for (const boot of this.#rows.boots()) this.#boots.set(keyOf(boot.gateway, boot.boot), boot);
    const { channels, position } = this.#rows.channelsAfter(this.#channelsPosition);
    this.#channelsPosition = position;
    for (const channel of channels) this.#channels.set(keyOf(channel.gateway, channel.name), channel);
    this.#clocks.poll(this.#rows);
  }
}

function keyOf(gateway: string, name: string): string {
  return `${gateway}\n${name}`;
}
