import { type Channel, type ChannelDefinition, type ChannelSpec, defineChannel, type Stamp } from '../channel.ts';
import type { ClockReading } from '../clock.ts';
import { CaissonError } from '../errors.ts';
import type { SampleSink } from '../intake.ts';
import { CHANNELS_MAX, DERIVED_SAMPLES_HELD_MAX } from '../limits.ts';
import type { BlockDb } from './block-db.ts';
import type { KeptBoot } from './block-rows.ts';
import { Chunk } from './chunk.ts';
import { ChunkMemory } from './chunk-memory.ts';
import type { DerivationTerms, Span } from './derivation.ts';
import { PackSealer } from './pack-sealer.ts';

/** Full chunks that make a seal pass. */
const SEAL_CHUNKS = 256;

export interface DerivationParts {
  readonly blocks: BlockDb;
  readonly gateway: string;
  /** Random id of the boot that is to hold the samples, 16 hex digits. */
  readonly boot: string;
  /** The boot that took in what they are made of. */
  readonly origin: KeptBoot;
  /** Its rows of the UTC map. */
  readonly clock: readonly ClockReading[];
  /** Stored times that are wanted; samples outside are made and not kept. */
  readonly within: Readonly<Record<Stamp, Span>>;
  /** Samples held in memory; DERIVED_SAMPLES_HELD_MAX unless a test wants fewer. */
  readonly samplesHeldMax?: number;
}

/** What a derivation came to. */
export interface DerivedSamples {
  readonly samples: number;
  /** Names of the channels that it stands for. */
  readonly channels: readonly string[];
}

/** A channel that samples are made for; kept with its first sample. */
interface Output {
  readonly definition: ChannelDefinition;
  channel: number;
  chunk: Chunk | undefined;
  nextSequence: number;
}

/**
 * Keeps samples that are made anew of what a boot took in, under a boot of their own. Everything from the first sample to
 * {@link DerivationWriter.finish} belongs in one transaction: the derivation is there wholly, or nothing of it is.
 */
export class DerivationWriter implements SampleSink {
  readonly #parts: DerivationParts;
  readonly #samplesHeldMax: number;
  readonly #memory = new ChunkMemory();
  /** Made with the first sample that is kept. */
  #kept: { readonly boot: number; readonly sealer: PackSealer } | undefined;
  readonly #channels = new Map<number, Channel>();
  readonly #byName = new Map<string, Channel>();
  /** By the id that their maker was given, from 1. */
  readonly #outputs: Output[] = [];
  readonly #outputByName = new Map<string, number>();
  #full: Chunk[] = [];
  #held = 0;
  #samples = 0;

  constructor(parts: DerivationParts) {
    this.#parts = parts;
    const { blocks, gateway } = parts;
    this.#samplesHeldMax = parts.samplesHeldMax ?? DERIVED_SAMPLES_HELD_MAX;
    for (const channel of blocks.channelsAfter(0).channels) {
      if (channel.gateway === gateway) this.#learn(channel);
    }
  }

  /** Samples kept so far. */
  get samples(): number {
    return this.#samples;
  }

  channel(spec: ChannelSpec): Channel {
    const definition = defineChannel(spec);
    let id = this.#outputByName.get(definition.name);
    if (id === undefined) {
      id = this.#outputs.push({ definition, channel: 0, chunk: undefined, nextSequence: 0 });
      this.#outputByName.set(definition.name, id);
    }
    return { ...definition, id };
  }

  push(id: number, time: number, value: number): boolean {
    this.#chunkOf(id, time)?.append(time, value);
    return true;
  }

  pushColumns(id: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    for (let at = from; at < to; at += 1) this.push(id, times[at] as number, values[at] as number);
    return to - from;
  }

  pushText(id: number, time: number, text: string): boolean {
    this.#chunkOf(id, time)?.appendText(time, text);
    return true;
  }

  /**
   * Keeps what is left, and the derivation itself.
   * @param also names of channels that it stands for although no sample of them was made; those that are not known are
   *   passed over
   */
  finish(terms: DerivationTerms, also: Iterable<string>): DerivedSamples {
    const { boot } = this.#begun();
    for (const output of this.#outputs) this.#close(output);
    this.#seal();
    const ids = new Set(this.#outputs.flatMap(({ channel }) => (channel === 0 ? [] : [channel])));
    for (const name of also) {
      const known = this.#byName.get(name);
      if (known !== undefined) ids.add(known.id);
    }
    this.#parts.blocks.keepDerivation({ ...terms, boot, channels: [...ids] });
    return { samples: this.#samples, channels: [...ids].map((id) => this.#channels.get(id)?.name ?? '').sort() };
  }

  /** The chunk that takes the sample; undefined where its time is not wanted. */
  #chunkOf(id: number, time: number): Chunk | undefined {
    const output = this.#outputs[id - 1];
    if (output === undefined) throw new Error(`no channel was made under the id ${id}`);
    const { from, to } = this.#parts.within[output.definition.stamp];
    if (time < from || time >= to) return undefined;
    if (output.channel === 0) output.channel = this.#keepChannel(output.definition);
    if (output.chunk?.isFull === true) this.#close(output);
    if (this.#full.length >= SEAL_CHUNKS || this.#held >= this.#samplesHeldMax) this.#relieve();
    const kind = output.definition.type === 'text' ? 'text' : 'number';
    output.chunk ??= new Chunk(output.channel, this.#begun().boot, output.nextSequence, 0, kind, {
      memory: this.#memory,
    });
    this.#held += 1;
    this.#samples += 1;
    return output.chunk;
  }

  #begun(): { readonly boot: number; readonly sealer: PackSealer } {
    if (this.#kept === undefined) {
      const { blocks, gateway, boot: name, origin, clock } = this.#parts;
      const boot = blocks.keepBoot(gateway, name, origin.started, origin.id);
      const boots = new Map([[boot, { boot: name, clock }]]);
      // The boot is new, so that no block of it can be there already, and nothing can be in conflict with one.
      const sealer = new PackSealer({ blocks, gateway, channels: this.#channels, boots, onProblem: () => {} });
      this.#kept = { boot, sealer };
    }
    return this.#kept;
  }

  #keepChannel(definition: ChannelDefinition): number {
    const { name, stamp, type } = definition;
    const known = this.#byName.get(name);
    if (known === undefined && this.#byName.size >= CHANNELS_MAX) {
      throw new CaissonError('derivation-refused', `${name} would be channel ${CHANNELS_MAX + 1} of the gateway`);
    }
    // What is in no block yet is sealed by the definition that is known then.
    if (known !== undefined && (known.stamp !== stamp || (known.type === 'text') !== (type === 'text'))) {
      throw new CaissonError(
        'derivation-refused',
        `${name} would be ${type} with stamp ${stamp}, but it was taken in as ${known.type} with stamp ${known.stamp}`,
        { hint: 'derive it with the timestamp that it was taken in with, or under another name' },
      );
    }
    const id = this.#parts.blocks.keepChannel(this.#parts.gateway, definition, known?.id);
    this.#learn({ ...definition, id });
    return id;
  }

  #learn(channel: Channel): void {
    this.#channels.set(channel.id, channel);
    this.#byName.set(channel.name, channel);
  }

  #close(output: Output): void {
    if (output.chunk === undefined) return;
    output.nextSequence = output.chunk.endSequence;
    this.#full.push(output.chunk);
    output.chunk = undefined;
  }

  /** Seals full chunks; where too much is held all the same, by many slow channels, every chunk. */
  #relieve(): void {
    if (this.#held >= this.#samplesHeldMax) for (const output of this.#outputs) this.#close(output);
    this.#seal();
  }

  #seal(): void {
    for (const { count } of this.#full) this.#held -= count;
    const { sealer } = this.#begun();
    sealer.begin(this.#full);
    this.#full = [];
    while (sealer.isBusy) sealer.step(() => {});
  }
}
