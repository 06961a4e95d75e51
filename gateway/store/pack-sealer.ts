import { isRecordChannel } from '../analysis/record-channels.ts';
import type { Channel } from '../channel.ts';
import { type ClockReading, UtcMap } from '../clock.ts';
import type { BlockDb, KeptBlock, KeptPack } from './block-db.ts';
import type { Chunk } from './chunk.ts';
import { nodeOf } from './envelope-node.ts';
import { encodePack, type PackBlock } from './pack/encode-pack.ts';
import { planPacks } from './seal-plan.ts';

/** Samples encoded in one step, and bytes of packs written in one transaction: a commit never waits long behind a seal. */
const STEP_SAMPLES_MAX = 32 * 1024;
const TRANSACTION_BYTES_MAX = 1 << 20;

export interface PackSealerParts {
  readonly blocks: BlockDb;
  readonly gateway: string;
  /** What is known of channels and boots, by local id; grows while the sealer lives. */
  readonly channels: ReadonlyMap<number, Channel>;
  readonly boots: ReadonlyMap<number, { readonly boot: string; readonly clock: readonly ClockReading[] }>;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
}

/** Turns closed chunks into packs, a pass at a time: plans, encodes step by step, and writes in few transactions. */
export class PackSealer {
  readonly #parts: PackSealerParts;
  /** Packs to be encoded, the next one last. */
  #planned: Chunk[][] = [];
  #encoded: { readonly pack: KeptPack; readonly chunks: readonly Chunk[] }[] = [];
  #encodedBytes = 0;
  readonly #kinds = new WeakMap<Channel, string>();

  constructor(parts: PackSealerParts) {
    this.#parts = parts;
  }

  /** True while a pass is under way. */
  get isBusy(): boolean {
    return this.#planned.length + this.#encoded.length > 0;
  }

  /** The chunks of the pass that are in no block yet; those that are encoded hold no samples, but count them. */
  *chunks(): IterableIterator<Chunk> {
    for (const { chunks } of this.#encoded) yield* chunks;
    for (const chunks of this.#planned) yield* chunks;
  }

  /** Begins a pass; belongs where none is under way. */
  begin(chunks: readonly Chunk[]): void {
    this.#planned = planPacks(chunks, (channel) => this.#kindOf(channel)).reverse();
  }

  /**
   * Encodes the next packs and, where they are worth a transaction or the last of the pass, writes them; `beside` is run in
   * the pass's last transaction. Returns the number of chunks encoded.
   */
  step(beside: () => void): number {
    let samples = 0;
    let count = 0;
    while (samples < STEP_SAMPLES_MAX && this.#encodedBytes < TRANSACTION_BYTES_MAX) {
      const chunks = this.#planned.pop();
      if (chunks === undefined) break;
      const pack = this.#encode(chunks);
      this.#encoded.push({ pack, chunks });
      this.#encodedBytes += pack.bytes.length;
      count += chunks.length;
      for (const chunk of chunks) samples += chunk.count;
    }
    if (this.#planned.length === 0 || this.#encodedBytes >= TRANSACTION_BYTES_MAX) this.#write(beside);
    return count;
  }

  #write(beside: () => void): void {
    const { blocks } = this.#parts;
    const outcomes = blocks.transaction(() => {
      const kept = this.#encoded.map(({ pack }) => blocks.keepPack(pack));
      if (this.#planned.length === 0) beside();
      return kept;
    });
    for (const [index, { chunks }] of this.#encoded.entries()) {
      for (const [block, chunk] of chunks.entries()) {
        if (outcomes[index]?.[block] === 'conflict') this.#tellConflict(chunk);
      }
    }
    this.#encoded = [];
    this.#encodedBytes = 0;
  }

  #tellConflict({ channel, boot, firstSequence }: Chunk): void {
    const { channels, boots, onProblem } = this.#parts;
    const place = `${channels.get(channel)?.name}, boot ${boots.get(boot)?.boot}, sequence number ${firstSequence}`;
    onProblem(`${place} is in a block already, with other content: what was to be sealed is kept as a conflict`);
  }

  /** A pack is of one class and one residency, so that retention and filters act on whole packs; and of records or not, which travel first. */
  #kindOf(id: number): string {
    const channel = this.#channel(id);
    let kind = this.#kinds.get(channel);
    if (kind === undefined) {
      const isRecord = isRecordChannel(channel.name);
      kind = `${channel.class} ${channel.stamp} ${JSON.stringify(channel.residency)}${isRecord ? ' record' : ''}`;
      this.#kinds.set(channel, kind);
    }
    return kind;
  }

  #encode(chunks: readonly Chunk[]): KeptPack {
    const [first] = chunks;
    const boot = this.#parts.boots.get(first?.boot ?? 0);
    if (first === undefined || boot === undefined) {
      throw new Error(`samples of boot ${first?.boot}, which was never kept`);
    }
    const { stamp, class: packClass } = this.#channel(first.channel);
    const reading = new UtcMap(boot.clock).governing(first.firstTime);
    const header = {
      gateway: this.#parts.gateway,
      boot: boot.boot,
      stamp,
      clockSource: reading?.source ?? 'none',
      clockErrorUs: reading?.error ?? Number.POSITIVE_INFINITY,
    };
    const bytes = encodePack(
      header,
      chunks.map((chunk) => this.#packBlock(chunk)),
    );
    const blocks = chunks.map(keptBlock);
    for (const chunk of chunks) chunk.release();
    return { boot: first.boot, stamp, class: packClass, blocks, bytes };
  }

  #packBlock(chunk: Chunk): PackBlock {
    const { name, type, scale } = this.#channel(chunk.channel);
    return {
      channel: name,
      type: chunk.isText ? 'text' : type === 'text' ? 'number' : type,
      firstSequence: chunk.firstSequence,
      times: chunk.timesFrom(0),
      values: chunk.valuesFrom(0),
      scale,
    };
  }

  #channel(id: number): Channel {
    const channel = this.#parts.channels.get(id);
    if (channel === undefined) throw new Error(`samples of channel ${id}, which was never kept`);
    return channel;
  }
}

function keptBlock(chunk: Chunk): KeptBlock {
  const { channel, firstSequence, count, timeMax } = chunk;
  const times = chunk.timesFrom(0);
  const values = chunk.valuesFrom(0);
  const node = values instanceof Float64Array ? nodeOf(times, values, 0, count) : undefined;
  return { channel, firstSequence, count, timeMin: node?.timeMin ?? minOf(times), timeMax, node };
}

function minOf(times: Float64Array): number {
  let min = Number.POSITIVE_INFINITY;
  for (const time of times) min = Math.min(min, time);
  return min;
}
