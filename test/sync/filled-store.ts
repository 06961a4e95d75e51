import { type ChannelSpec, defineChannel } from '../../gateway/channel.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { nodeOf } from '../../gateway/store/envelope-node.ts';
import { encodePack } from '../../gateway/store/pack/encode-pack.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import type { Random } from '../../hardware/simulated/random.ts';

/** Samples of one block made here. */
const SAMPLES_MAX = 400;

/** A gateway's block database that a test fills as the store thread would: boots, channels, clock rows, blocks, gaps. */
export class FilledStore {
  readonly db: BlockDb;
  readonly gateway: string;
  readonly #random: Random;
  readonly #next = new Map<number, number>();
  readonly #channels = new Map<string, number>();
  #boot = 0;
  #bootName = '';
  #time = 1_700_000_000_000_000;

  constructor(dir: string, gateway: string, random: Random) {
    this.db = BlockDb.open(storePaths(dir).blocks);
    this.gateway = gateway;
    this.#random = random;
    for (const { name, id } of this.db.channelsAfter(0).channels) this.#channels.set(name, id);
    this.startBoot();
  }

  startBoot(): void {
    const word = () => this.#random.bits().toString(16).padStart(8, '0');
    this.#bootName = word() + word();
    this.#next.clear();
    this.db.transaction(() => {
      this.#boot = this.db.keepBoot(this.gateway, this.#bootName, this.#time);
      this.db.keepClock(this.#boot, { time: this.#time, offset: 2_000_000, error: 500, source: 'gnss' });
    });
  }

  /** Seals one block of a channel, made if it is new, in a transaction of its own. Returns the number of its samples. */
  seal(name: string, type: 'number' | 'text' = 'number', count = 1 + this.#random.below(SAMPLES_MAX)): number {
    this.sealPack([name], type, count);
    return count;
  }

  /** Seals a pack of one block a channel, all with the same times. */
  sealPack(
    names: readonly string[],
    type: 'number' | 'text' = 'number',
    count = 1 + this.#random.below(SAMPLES_MAX),
  ): void {
    const times = Float64Array.from({ length: count }, () => this.#tick());
    this.#keepPack(names, type, times, () =>
      type === 'text'
        ? Array.from({ length: count }, () => `text ${this.#random.below(1000)}`)
        : Float64Array.from({ length: count }, () => this.#random.gaussian()),
    );
  }

  /** Seals one text. Returns its time. */
  sealText(name: string, textAt: (time: number) => string): number {
    const time = this.#tick();
    this.#keepPack([name], 'text', Float64Array.of(time), () => [textAt(time)]);
    return time;
  }

  #tick(): number {
    this.#time += 1 + this.#random.below(20_000);
    return this.#time;
  }

  #keepPack(
    names: readonly string[],
    type: 'number' | 'text',
    times: Float64Array,
    valuesOf: () => Float64Array | string[],
  ): void {
    const count = times.length;
    this.db.transaction(() => {
      const blocks = names.map((name) => {
        const id = this.#define(name, { type });
        const values = valuesOf();
        return { id, channel: name, type, firstSequence: this.#take(id, count), times, values };
      });
      const { gateway } = this;
      const header = {
        gateway,
        boot: this.#bootName,
        stamp: 'arrival',
        clockSource: 'gnss',
        clockErrorUs: 500,
      } as const;
      this.db.keepPack({
        boot: this.#boot,
        stamp: 'arrival',
        class: 'standard',
        bytes: encodePack(header, blocks),
        blocks: blocks.map(({ id, firstSequence, values }) => ({
          channel: id,
          firstSequence,
          count,
          timeMin: times[0] as number,
          timeMax: times.at(-1) as number,
          node: values instanceof Float64Array ? nodeOf(times, values, 0, count) : undefined,
        })),
      });
    });
  }

  /** Loses samples of a channel that is known; the gap may be left untold. */
  lose(name: string, count: number, told = true): void {
    this.db.transaction(() => {
      const channel = this.#define(name);
      const firstSequence = this.#take(channel, count);
      const [from, to] = [this.#time + 1, this.#time + 1000];
      this.#time = to;
      if (told) this.db.keepGap({ channel, boot: this.#boot, firstSequence, count, from, to, cause: 'ring-full' });
    });
  }

  /** The definition of a channel is another one from here on, until something of it is sealed. */
  redefine(name: string, rateHz: number): void {
    this.db.transaction(() => this.#define(name, { rateHz }));
  }

  /** One random step: mostly a block, now and then a gap, a redefinition or a new boot. */
  step(): void {
    const name = `${this.gateway}/channel${this.#random.below(8)}`;
    const kind = this.#random.unit();
    if (kind < 0.05) this.lose(name, 1 + this.#random.below(100));
    else if (kind < 0.08) this.startBoot();
    else if (kind < 0.12) this.redefine(name, this.#random.below(1000));
    else if (kind < 0.2) this.seal(`${this.gateway}/text`, 'text', 1 + this.#random.below(20));
    else if (kind < 0.5)
      this.sealPack([0, 1, 2, 3].slice(this.#random.below(3)).map((i) => `${this.gateway}/channel${i}`));
    else this.seal(name);
  }

  /** As many random steps, in one transaction. */
  steps(count: number): void {
    this.db.transaction(() => {
      for (let left = count; left > 0; left -= 1) this.step();
    });
  }

  /** Seals a last block: a feed is in order, so who has every block has the gaps and definitions before it too. */
  finish(): void {
    this.seal(`${this.gateway}/last`);
  }

  close(): void {
    this.db.close();
  }

  #define(name: string, more: Partial<ChannelSpec> = {}): number {
    const id = this.db.keepChannel(
      this.gateway,
      defineChannel({ name, source: 'test', ...more }),
      this.#channels.get(name),
    );
    this.#channels.set(name, id);
    return id;
  }

  #take(channel: number, count: number): number {
    const first = this.#next.get(channel) ?? 0;
    this.#next.set(channel, first + count);
    return first;
  }
}
