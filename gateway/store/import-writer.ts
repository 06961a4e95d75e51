import { Buffer } from 'node:buffer';
import { type Channel, type ChannelDefinition, type ChannelSpec, channelOf, defineChannel } from '../channel.ts';
import type { ClockReading } from '../clock.ts';
import type { SampleSink } from '../intake.ts';
import { CHANNELS_MAX, TEXT_SAMPLE_BYTES_MAX } from '../limits.ts';
import type { BlockDb } from './block-db.ts';
import { type DirectLine, DirectSamples } from './direct-samples.ts';
import type { KeptImport } from './kept-import.ts';

/** Where an import goes. */
export interface ImportTarget {
  readonly blocks: BlockDb;
  readonly gateway: string;
  /** Id of the boot that is to hold the samples, 16 hex digits. */
  readonly boot: string;
  /** Box time of the import, microseconds. */
  readonly started: number;
  /** Samples held in memory; DIRECT_SAMPLES_HELD_MAX unless a test wants fewer. */
  readonly samplesHeldMax?: number;
}

/** A channel that got samples, or was to. */
export interface ImportedChannel {
  readonly definition: ChannelDefinition;
  readonly samples: number;
  /** First and last time of its samples, UTC, microseconds; infinite where it has none. */
  readonly from: number;
  readonly to: number;
}

type Output = { -readonly [Key in keyof ImportedChannel]: ImportedChannel[Key] } & {
  readonly isText: boolean;
  line: DirectLine | undefined;
};

/**
 * Takes the samples of a recording, all of them stamped in UTC, and keeps them under a boot of their own. From the first
 * sample to {@link ImportWriter.finish} everything belongs in one transaction. Without a target it counts only.
 *
 * A channel that the store has keeps its definition, which is that of the wire it came from.
 */
export class ImportWriter implements SampleSink {
  /** Samples that could not be taken, by reason. */
  readonly refused: Record<string, number> = {};
  readonly #target: ImportTarget | undefined;
  /** With the first sample that is kept. */
  #kept: { readonly boot: number; readonly direct: DirectSamples } | undefined;
  /** What packs say of channels, by local id. */
  readonly #channels = new Map<number, Channel>();
  readonly #known = new Map<string, Channel>();
  /** By the id that their maker was given, from 1. */
  readonly #outputs: Output[] = [];
  readonly #outputByName = new Map<string, number>();
  #samples = 0;

  constructor(target?: ImportTarget) {
    this.#target = target;
    for (const channel of target?.blocks.channelsAfter(0).channels ?? []) {
      if (channel.gateway === target?.gateway) this.#known.set(channel.name, channel);
    }
  }

  /** Samples taken so far. */
  get samples(): number {
    return this.#samples;
  }

  /** Every channel that samples were made for, in the order in which they were met. */
  get channels(): readonly ImportedChannel[] {
    return this.#outputs;
  }

  /** First and last time of a sample; infinite where there is none. */
  get span(): { readonly from: number; readonly to: number } {
    let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const output of this.#outputs) {
      from = Math.min(from, output.from);
      to = Math.max(to, output.to);
    }
    return { from, to };
  }

  channel(spec: ChannelSpec): Channel {
    const made = defineChannel(spec);
    const known = this.#outputByName.get(made.name);
    if (known !== undefined) return { ...(this.#outputs[known - 1]?.definition ?? made), id: known };
    const definition = { ...(this.#known.get(made.name) ?? made), stamp: 'device' as const };
    const id = this.#outputs.push({
      ...{ definition, samples: 0, from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY },
      ...{ isText: definition.type === 'text', line: undefined },
    });
    this.#outputByName.set(made.name, id);
    return channelOf(id, definition);
  }

  push(id: number, time: number, value: number): boolean {
    const output = this.#outputOf(id);
    if (!Number.isSafeInteger(time)) return this.#refuse(reasonOfTime(time));
    if (output.isText) return this.#refuse('not-text');
    if (this.#target !== undefined) {
      const line = output.line ?? this.#lineOf(output, this.#target);
      if (line === undefined) return this.#refuse('channels-full');
      this.#begun(this.#target).direct.next(line).append(time, value);
    }
    return this.#count(output, time);
  }

  pushColumns(id: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    let taken = 0;
    for (let at = from; at < to; at += 1) {
      if (this.push(id, times[at] as number, values[at] as number)) taken += 1;
    }
    return taken;
  }

  pushText(id: number, time: number, text: string): boolean {
    const output = this.#outputOf(id);
    if (!Number.isSafeInteger(time)) return this.#refuse(reasonOfTime(time));
    if (!output.isText) return this.#refuse('not-number');
    if (Buffer.byteLength(text) > TEXT_SAMPLE_BYTES_MAX) return this.#refuse('text-too-long');
    if (this.#target !== undefined) {
      const line = output.line ?? this.#lineOf(output, this.#target);
      if (line === undefined) return this.#refuse('channels-full');
      this.#begun(this.#target).direct.next(line).appendText(time, text);
    }
    return this.#count(output, time);
  }

  /** Keeps what is left and that it was imported. There must be a target, and a sample. */
  finish(about: Pick<KeptImport, 'digest' | 'file' | 'made' | 'recipe'>): KeptImport {
    if (this.#target === undefined) throw new Error('an import without a target is not kept');
    const { blocks, started } = this.#target;
    const { boot, direct } = this.#begun(this.#target);
    direct.finish();
    const kept = { ...about, ...this.span, boot, samples: this.#samples };
    blocks.keepBootEnd(boot, started);
    blocks.keepImport(kept);
    return kept;
  }

  #outputOf(id: number): Output {
    const output = this.#outputs[id - 1];
    if (output === undefined) throw new Error(`no channel was made under the id ${id}`);
    return output;
  }

  #count(output: Output, time: number): true {
    output.samples += 1;
    if (time < output.from) output.from = time;
    if (time > output.to) output.to = time;
    this.#samples += 1;
    return true;
  }

  #refuse(reason: string): false {
    this.refused[reason] = (this.refused[reason] ?? 0) + 1;
    return false;
  }

  #begun({ blocks, gateway, boot: name, started, samplesHeldMax }: ImportTarget) {
    if (this.#kept === undefined) {
      const boot = blocks.keepBoot(gateway, name, started);
      // Of the clock of who recorded nothing is known. Its times are UTC: so are those of the boot.
      const reading: ClockReading = { time: started, offset: 0, error: Number.POSITIVE_INFINITY, source: 'none' };
      blocks.keepClock(boot, reading);
      const parts = { blocks, gateway, boot: { id: boot, name, clock: [reading] }, channels: this.#channels };
      this.#kept = { boot, direct: new DirectSamples({ ...parts, samplesHeldMax }) };
    }
    return this.#kept;
  }

  /** Undefined where the gateway has as many channels as it can have. */
  #lineOf(output: Output, target: ImportTarget): DirectLine | undefined {
    const { definition, isText } = output;
    const { direct } = this.#begun(target);
    let id = this.#known.get(definition.name)?.id;
    if (id === undefined) {
      if (this.#known.size >= CHANNELS_MAX) return undefined;
      id = target.blocks.keepChannel(target.gateway, definition);
      this.#known.set(definition.name, channelOf(id, definition));
    }
    this.#channels.set(id, channelOf(id, definition));
    output.line = direct.line(id, isText ? 'text' : 'number');
    return output.line;
  }
}

/** Why a sample with that time is none: what comes without one is stamped with what is no number. */
function reasonOfTime(time: number): string {
  return Number.isFinite(time) ? 'bad-time' : 'no-time';
}
