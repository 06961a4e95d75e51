import {
  type Channel,
  type ChannelDefinition,
  type ChannelSpec,
  channelOf,
  defineChannel,
  type Stamp,
} from '../channel.ts';
import type { ClockReading } from '../clock.ts';
import { CaissonError } from '../errors.ts';
import type { SampleSink } from '../intake.ts';
import { CHANNELS_MAX } from '../limits.ts';
import type { BlockDb } from './block-db.ts';
import type { KeptBoot } from './block-rows.ts';
import type { Chunk } from './chunk.ts';
import type { DerivationTerms, Span } from './derivation.ts';
import { type DirectLine, DirectSamples } from './direct-samples.ts';

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
  /** Samples held in memory; DIRECT_SAMPLES_HELD_MAX unless a test wants fewer. */
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
  line: DirectLine | undefined;
}

/**
 * Keeps samples that are made anew of what a boot took in, under a boot of their own. Everything from the first sample to
 * {@link DerivationWriter.finish} belongs in one transaction: the derivation is there wholly, or nothing of it is.
 */
export class DerivationWriter implements SampleSink {
  readonly #parts: DerivationParts;
  /** Made with the first sample that is kept. */
  #kept: { readonly boot: number; readonly direct: DirectSamples } | undefined;
  readonly #channels = new Map<number, Channel>();
  readonly #byName = new Map<string, Channel>();
  /** By the id that their maker was given, from 1. */
  readonly #outputs: Output[] = [];
  readonly #outputByName = new Map<string, number>();
  #samples = 0;

  constructor(parts: DerivationParts) {
    this.#parts = parts;
    const { blocks, gateway } = parts;
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
      id = this.#outputs.push({ definition, line: undefined });
      this.#outputByName.set(definition.name, id);
    }
    return channelOf(id, definition);
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
    const { boot, direct } = this.#begun();
    direct.finish();
    const ids = new Set(this.#outputs.flatMap(({ line }) => (line === undefined ? [] : [line.channel])));
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
    const { direct } = this.#begun();
    output.line ??= direct.line(
      this.#keepChannel(output.definition),
      output.definition.type === 'text' ? 'text' : 'number',
    );
    this.#samples += 1;
    return direct.next(output.line);
  }

  #begun(): { readonly boot: number; readonly direct: DirectSamples } {
    if (this.#kept === undefined) {
      const { blocks, gateway, boot: name, origin, clock, samplesHeldMax } = this.#parts;
      const id = blocks.keepBoot(gateway, name, origin.started, origin.id);
      const parts = { blocks, gateway, boot: { id, name, clock }, channels: this.#channels, samplesHeldMax };
      this.#kept = { boot: id, direct: new DirectSamples(parts) };
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
    this.#learn(channelOf(id, definition));
    return id;
  }

  #learn(channel: Channel): void {
    this.#channels.set(channel.id, channel);
    this.#byName.set(channel.name, channel);
  }
}
