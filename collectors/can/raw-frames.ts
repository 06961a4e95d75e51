import { Buffer } from 'node:buffer';
import type { ChannelClass, Stamp } from '../../gateway/channel.ts';
import { type SampleSink, textRoom } from '../../gateway/intake.ts';
import type { FrameBatch } from '../../hardware/can/can-frame.ts';
import { CANDUMP_FRAME_BYTES_MAX, candumpText } from '../../hardware/can/candump-frame.ts';
import type { CollectorCounters } from '../collector.ts';
import { RawChannel, rawChannelName, undefinedChannelName } from '../raw-channel.ts';

/** Which frames of a source are kept as they came: all, or data frames that nothing decodes. */
export type RawExtent = 'all' | 'undefined';

/** What a source keeps as it came. */
export interface RawKeeping {
  readonly class: ChannelClass;
  readonly frames: RawExtent;
}

export interface RawFramesSettings {
  readonly source: string;
  readonly stamp: Stamp;
  readonly raw: RawKeeping;
  /** Whether names of channels leave out the first bus, so that who decodes the frames later must know which that was. */
  readonly hasNamelessBus: boolean;
}

/** Room that one frame takes at most, with the name of the first bus before it. @param names of the buses */
export function rawFrameRoom(names: readonly string[]): number {
  const nameBytes = names.reduce((most, name) => Math.max(most, Buffer.byteLength(name)), 0);
  return textRoom(nameBytes + CANDUMP_FRAME_BYTES_MAX) + textRoom(nameBytes);
}

const DESCRIPTIONS: Readonly<Record<RawExtent, string>> = {
  all: 'frames as they came, in the notation of a candump log',
  undefined: 'frames that nothing decodes, as they came, in the notation of a candump log',
};

/** The text channel that holds frames as they came. */
export class RawFrames {
  readonly #channel: RawChannel;
  readonly #names: readonly string[];
  readonly #counters: CollectorCounters;
  /** Until the first frame is kept, and where names leave out the first bus. */
  #mustTellFirst: boolean;

  /** @param names of the buses; it only grows, and frames index into it */
  constructor(settings: RawFramesSettings, sink: SampleSink, names: readonly string[], counters: CollectorCounters) {
    const { source, stamp, raw, hasNamelessBus } = settings;
    const description = DESCRIPTIONS[raw.frames];
    const name = raw.frames === 'all' ? rawChannelName(source) : undefinedChannelName(source);
    this.#channel = new RawChannel(sink, { source, name, class: raw.class, stamp, description });
    this.#names = names;
    this.#counters = counters;
    this.#mustTellFirst = hasNamelessBus;
  }

  /** Keeps frame `i`, stamped `time`, microseconds; false when there was no room. */
  push(frames: FrameBatch, i: number, time: number): boolean {
    const bus = frames.interfaces[i] as number;
    if (this.#mustTellFirst && bus !== 0 && !this.#pushText(time, this.#names[0] ?? '')) return false;
    this.#mustTellFirst = false;
    return this.#pushText(time, candumpText(this.#names[bus] ?? '', frames, i));
  }

  #pushText(time: number, text: string): boolean {
    const isKept = this.#channel.push(time, text);
    if (isKept) this.#counters.samples += 1;
    return isKept;
  }
}
