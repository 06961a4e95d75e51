import { type ChannelSpec, normalName } from '../../gateway/channel.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import {
  FRAME_BYTES_MAX,
  FRAME_ERROR,
  FRAME_EXTENDED,
  FRAME_REMOTE,
  type FrameBatch,
} from '../../hardware/can/can-frame.ts';
import type { CollectorCounters } from '../collector.ts';
import { BusMeter, type BusReading } from './bus-meter.ts';
import { channelOf } from './channel-spec.ts';
import { DecodedFrame, type MessageDecoder } from './dbc/compile.ts';
import { type CanDictionary, frameKey } from './dictionary.ts';

export interface CanInterfaceSettings {
  /** First part of the names of its channels. */
  readonly path: string;
  readonly source: string;
  readonly stamp: 'arrival' | 'device';
  readonly dictionary: CanDictionary;
  /** Of the bus, bit/s, where they are known. */
  readonly bitrate: number | undefined;
  readonly dataBitrate: number | undefined;
}

/** Samples that one reading of the meter gives. */
export const METER_SAMPLES = 3;

/** One bus: its frames become samples of its channels. */
export class CanInterface {
  readonly #meter: BusMeter;
  readonly #settings: CanInterfaceSettings;
  readonly #sink: SampleSink;
  readonly #counters: CollectorCounters;
  readonly #decoded = new DecodedFrame();
  /** Null for identifiers that no DBC file has. */
  readonly #routes = new Map<number, Route | null>();
  readonly #meterChannels = new Map<keyof BusReading, number>();

  constructor(settings: CanInterfaceSettings, sink: SampleSink, counters: CollectorCounters) {
    this.#settings = settings;
    this.#sink = sink;
    this.#counters = counters;
    this.#meter = new BusMeter(settings.bitrate, settings.dataBitrate);
  }

  /**
   * Pushes the samples of frame `i`, stamped `time`, microseconds.
   * @returns false when one of them could not be taken
   */
  take(frames: FrameBatch, i: number, time: number): boolean {
    const flags = frames.flags[i] as number;
    this.#meter.count(flags, frames.lengths[i] as number);
    if ((flags & (FRAME_ERROR | FRAME_REMOTE)) !== 0) {
      this.#counters.error((flags & FRAME_ERROR) === 0 ? 'remote-frame' : 'error-frame');
      return true;
    }
    const key = frameKey(frames.ids[i] as number, (flags & FRAME_EXTENDED) !== 0);
    const route = this.#routes.get(key) ?? this.#findRoute(key);
    if (route === null) {
      this.#counters.error('no-definition');
      return true;
    }
    const decoded = this.#decoded;
    route.decode(frames.view, i * FRAME_BYTES_MAX, frames.lengths[i] as number, decoded);
    for (let missing = decoded.tooShort; missing > 0; missing--) this.#counters.error('frame-too-short');
    return this.#push(route, time);
  }

  #push(route: Route, time: number): boolean {
    const { count, signals, values } = this.#decoded;
    const { ids } = route;
    let taken = 0;
    for (let k = 0; k < count; k++) {
      const signal = signals[k] as number;
      let id = ids[signal] as number;
      if (id === 0) id = this.#open(route, signal);
      if (this.#sink.push(id, time, values[k] as number)) taken++;
    }
    this.#counters.samples += taken;
    return taken === count;
  }

  /** Names of the channels of every signal of the messages that came. */
  *channels(): IterableIterator<string> {
    for (const route of this.#routes.values()) for (const { name } of route?.specs ?? []) yield normalName(name);
  }

  /** Pushes what the meter counted in the last `us` microseconds. */
  pushReading(us: number, time: number): void {
    const reading = this.#meter.read(us);
    this.#pushMeter('frameRate', reading.frameRate, time);
    this.#pushMeter('errorRate', reading.errorRate, time);
    if (reading.load !== undefined) this.#pushMeter('load', reading.load, time);
  }

  /** Forgets what was counted: it belongs to no whole stretch of time. */
  resetMeter(): void {
    this.#meter.reset();
  }

  #pushMeter(quantity: keyof BusReading, value: number, time: number): void {
    let id = this.#meterChannels.get(quantity);
    if (id === undefined) {
      const { path, source, stamp } = this.#settings;
      const { name, ...rest } = METER_CHANNELS[quantity];
      id = this.#sink.channel({ ...rest, name: `${path}/bus/${name}`, source, stamp, type: 'number', rateHz: 1 }).id;
      this.#meterChannels.set(quantity, id);
    }
    if (this.#sink.push(id, time, value)) this.#counters.samples += 1;
  }

  #findRoute(key: number): Route | null {
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    const route = this.#makeRoute(key);
    if (route !== null || this.#routes.size < UNKNOWN_IDS_MAX) this.#routes.set(key, route);
    return route;
  }

  #makeRoute(key: number): Route | null {
    const { path, source, stamp, dictionary } = this.#settings;
    const known = dictionary.find(key);
    if (known === undefined) return null;
    const { message, name, decode } = known;
    const specs = message.signals.map((signal) =>
      channelOf(`${path}/${name}/${signal.name}`, source, stamp, message, signal),
    );
    return { decode, specs, ids: new Uint32Array(specs.length) };
  }

  /** Makes a signal's channel when its first sample comes: a multiplexed one may never. */
  #open(route: Route, signal: number): number {
    const { id } = this.#sink.channel(route.specs[signal] as ChannelSpec);
    route.ids[signal] = id;
    return id;
  }
}

/** Identifiers without definition that are remembered as such. Further ones are looked up each time. */
const UNKNOWN_IDS_MAX = 65_536;

/** Where the frames of one identifier go. */
interface Route {
  readonly decode: MessageDecoder;
  readonly specs: readonly ChannelSpec[];
  /** Channels of the signals; 0 before the first sample. */
  readonly ids: Uint32Array;
}

const METER_CHANNELS: Readonly<
  Record<keyof BusReading, { name: string; unit: string; decimals: number; description: string }>
> = {
  frameRate: { name: 'frame_rate', unit: '1/s', decimals: 0, description: 'frames a second on the bus' },
  errorRate: { name: 'error_rate', unit: '1/s', decimals: 0, description: 'error frames a second' },
  load: {
    name: 'load',
    unit: '%',
    decimals: 1,
    description: 'share of the time the bus is busy, without stuff bits, which add up to a fifth',
  },
};
