import type { ChannelSpec } from '../../gateway/channel.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import type { CanBusStatus } from '../../hardware/can/can-bus.ts';
import {
  FRAME_BYTES_MAX,
  FRAME_ERROR,
  FRAME_EXTENDED,
  FRAME_REMOTE,
  type FrameBatch,
} from '../../hardware/can/can-frame.ts';
import { type ControllerState, errorClass } from '../../hardware/can/error-frame.ts';
import type { CollectorCounters } from '../collector.ts';
import { BusMeter, type BusReading } from './bus-meter.ts';
import { DecodedFrame } from './dbc/compile.ts';
import { frameKey } from './dictionary.ts';
import type { TransportMessage } from './j1939/assemblies.ts';
import { EXTENDED_CONTROL, EXTENDED_DATA, ExtendedTransport } from './j1939/extended-transport.ts';
import { NodeSamples } from './j1939/node-samples.ts';
import { ANY_SOURCE, type J1939Id, j1939Id } from './j1939/pgn.ts';
import { J1939Transport, TRANSPORT_CONTROL, TRANSPORT_DATA } from './j1939/transport.ts';
import { MessageRoutes, type Route, type RouteSettings } from './message-routes.ts';
import { FastPackets } from './nmea2000/fast-packet.ts';
import { type LiveClock, Nmea2000Samples } from './nmea2000/nmea2000-samples.ts';
import { ObdReplies, type ObdTester } from './obd/obd-replies.ts';
import type { UndefinedFrames } from './undefined-frames.ts';

export interface CanInterfaceSettings extends RouteSettings {
  /** Whether replies to an OBD-II tester are decoded. */
  readonly obd: boolean;
  /** The box itself where it asks. */
  readonly tester: ObdTester | undefined;
  /** That of the box where the bus is live. */
  readonly clock: LiveClock | undefined;
  /** Where frames go that nothing decodes. */
  readonly undefinedFrames: UndefinedFrames;
  /** Of the bus, bit/s, where they are known. */
  readonly bitrate: number | undefined;
  readonly dataBitrate: number | undefined;
}

/** Samples that one reading of the meter gives at most. */
export const METER_SAMPLES = 5;

/** States of a controller by the value of their channel. */
const CONTROLLER_STATES: readonly ControllerState[] = [
  'error-active',
  'error-warning',
  'error-passive',
  'bus-off',
  'stopped',
];

/** One bus: its frames become samples of its channels. */
export class CanInterface {
  readonly #meter: BusMeter;
  readonly #settings: CanInterfaceSettings;
  readonly #sink: SampleSink;
  readonly #counters: CollectorCounters;
  readonly #decoded = new DecodedFrame();
  readonly #routes: MessageRoutes;
  readonly #transport: J1939Transport;
  readonly #extendedTransport: ExtendedTransport;
  readonly #nodes: NodeSamples | undefined;
  readonly #fastPackets: FastPackets;
  readonly #nmea2000: Nmea2000Samples | undefined;
  readonly #obd: ObdReplies | undefined;
  readonly #meterChannels = new Map<MeterChannel, number>();
  /** Frames lost until the last reading, by the bus's own count. */
  #lost = 0;

  constructor(settings: CanInterfaceSettings, sink: SampleSink, counters: CollectorCounters) {
    this.#settings = settings;
    this.#sink = sink;
    this.#counters = counters;
    this.#meter = new BusMeter(settings.bitrate, settings.dataBitrate);
    this.#routes = new MessageRoutes(settings);
    this.#transport = new J1939Transport((reason) => counters.error(reason));
    this.#extendedTransport = new ExtendedTransport((reason) => counters.error(reason));
    this.#fastPackets = new FastPackets((reason) => counters.error(reason));
    const { path, source, stamp, protocol, obd, tester, clock } = settings;
    this.#nodes = protocol === 'j1939' ? new NodeSamples(path, source, stamp, sink, counters) : undefined;
    this.#nmea2000 =
      protocol === 'nmea2000' ? new Nmea2000Samples(path, source, stamp, sink, counters, clock) : undefined;
    this.#obd = obd ? new ObdReplies(path, source, stamp, sink, counters, tester) : undefined;
  }

  /**
   * Pushes the samples of frame `i`, stamped `time`, microseconds.
   * @returns false when one of them could not be taken
   */
  take(frames: FrameBatch, i: number, time: number): boolean {
    const flags = frames.flags[i] as number;
    this.#meter.count(flags, frames.lengths[i] as number);
    if ((flags & (FRAME_ERROR | FRAME_REMOTE)) !== 0) {
      this.#counters.error((flags & FRAME_ERROR) === 0 ? 'remote-frame' : errorClass(frames, i));
      return true;
    }
    const isExtended = (flags & FRAME_EXTENDED) !== 0;
    if (isExtended && this.#nmea2000 !== undefined) return this.#takeNmea2000(this.#nmea2000, frames, i, time);
    if (isExtended && this.#nodes !== undefined) return this.#takeJ1939(this.#nodes, frames, i, time);
    const key = frameKey(frames.ids[i] as number, isExtended);
    const route = this.#routes.find(key);
    if (route === null) return this.#takeOther(frames, i, time);
    return this.#decode(route, frames.view, i * FRAME_BYTES_MAX, frames.lengths[i] as number, time);
  }

  /** Takes a frame that no DBC file has: a reply to a tester, or nothing that is known. */
  #takeOther(frames: FrameBatch, i: number, time: number): boolean {
    const id = frames.ids[i] as number;
    const at = i * FRAME_BYTES_MAX;
    const length = frames.lengths[i] as number;
    const isExtended = ((frames.flags[i] as number) & FRAME_EXTENDED) !== 0;
    if (this.#obd !== undefined && ObdReplies.isReply(id, isExtended)) {
      return this.#obd.take(id, isExtended, frames.data.subarray(at, at + length), time);
    }
    return this.#settings.undefinedFrames.take(frames, i, time);
  }

  #takeMessage(message: TransportMessage | undefined, time: number): boolean {
    if (message === undefined) return true;
    const { pgn, source, view, length } = message;
    if (this.#nodes !== undefined && NodeSamples.reads(pgn))
      return this.#nodes.take(pgn, source, view, 0, length, time);
    const route = this.#routes.findGroup(pgn, source);
    if (route !== null) return this.#decode(route, view, 0, length, time);
    if (this.#nmea2000 !== undefined) return this.#nmea2000.take(pgn, source, bytesOf(view, 0, length), time);
    this.#counters.error('no-definition');
    return true;
  }

  /** What units say of themselves no DBC file can describe: it is read by the standard, whatever the files have. */
  #takeJ1939(nodes: NodeSamples, frames: FrameBatch, i: number, time: number): boolean {
    const id = j1939Id(frames.ids[i] as number);
    const { view } = frames;
    const at = i * FRAME_BYTES_MAX;
    const length = frames.lengths[i] as number;
    if (NodeSamples.reads(id.pgn)) return nodes.take(id.pgn, id.source, view, at, length, time);
    if (isTransport(id)) return this.#takeTransport(id, frames, i, time);
    const route = this.#routes.findGroup(id.pgn, id.source);
    return route === null ? this.#takeOther(frames, i, time) : this.#decode(route, view, at, length, time);
  }

  #takeTransport(id: J1939Id, frames: FrameBatch, i: number, time: number): boolean {
    const isExtended = id.pgn === EXTENDED_CONTROL || id.pgn === EXTENDED_DATA;
    const transport = isExtended ? this.#extendedTransport : this.#transport;
    const { view } = frames;
    const at = i * FRAME_BYTES_MAX;
    const length = frames.lengths[i] as number;
    // Asked before: with its last packet a message is no longer under way.
    const group = transport.groupOf(id, view, at, length);
    const isKept =
      group === undefined || this.#decodesGroup(group) || this.#settings.undefinedFrames.take(frames, i, time, false);
    return this.#takeMessage(transport.take(id, view, at, length, time), time) && isKept;
  }

  /** Whether messages of a group are decoded, whoever sends them. */
  #decodesGroup(pgn: number): boolean {
    if (this.#nmea2000 !== undefined || NodeSamples.reads(pgn)) return true;
    return this.#settings.dictionary.findGroup(pgn, ANY_SOURCE) !== undefined;
  }

  /** A group that a DBC file has is decoded by that, else by its definition. */
  #takeNmea2000(nmea2000: Nmea2000Samples, frames: FrameBatch, i: number, time: number): boolean {
    const id = j1939Id(frames.ids[i] as number);
    const { pgn, source } = id;
    const { view } = frames;
    const at = i * FRAME_BYTES_MAX;
    const length = frames.lengths[i] as number;
    if (isTransport(id)) return this.#takeTransport(id, frames, i, time);
    if (nmea2000.isFast(pgn)) {
      const message = this.#fastPackets.take(id, view, at, length, time);
      if (message === undefined) return true;
      return this.#takeMessage({ pgn, source, view: message.view, length: message.length }, time);
    }
    const route = this.#routes.findGroup(pgn, source);
    if (route !== null) return this.#decode(route, view, at, length, time);
    return nmea2000.take(pgn, source, bytesOf(view, at, length), time);
  }

  #decode(route: Route, view: DataView, at: number, length: number, time: number): boolean {
    const decoded = this.#decoded;
    route.decode(view, at, length, decoded);
    for (let missing = decoded.tooShort; missing > 0; missing--) this.#counters.error('frame-too-short');
    return this.#push(route, time);
  }

  #push(route: Route, time: number): boolean {
    const { count, signals, values } = this.#decoded;
    const { ids, isThere } = route;
    let taken = 0;
    for (let k = 0; k < count; k++) {
      const signal = signals[k] as number;
      if (isThere !== undefined && !isNews(isThere, signal, values[k] as number)) {
        taken++;
        continue;
      }
      let id = ids[signal] as number;
      if (id === 0) id = this.#open(route, signal);
      if (this.#sink.push(id, time, values[k] as number)) {
        taken++;
        this.#counters.samples++;
      }
    }
    return taken === count;
  }

  /** Names of the channels of every signal of the messages that came. */
  *channels(): IterableIterator<string> {
    yield* this.#routes.channels();
    yield* this.#nodes?.channels() ?? [];
    yield* this.#nmea2000?.channels() ?? [];
    yield* this.#obd?.channels() ?? [];
  }

  /**
   * Pushes what the meter counted in the last `us` microseconds.
   * @param status what a live bus knows of itself
   */
  pushReading(us: number, time: number, status?: CanBusStatus): void {
    if (status !== undefined) this.#pushStatus(us, time, status);
    const reading = this.#meter.read(us);
    this.#pushMeter('frameRate', reading.frameRate, time);
    this.#pushMeter('errorRate', reading.errorRate, time);
    if (reading.load !== undefined) this.#pushMeter('load', reading.load, time);
  }

  /** Forgets what was counted: it belongs to no whole stretch of time. */
  resetMeter(): void {
    this.#meter.reset();
  }

  #pushStatus(us: number, time: number, { lost, controller, bitrate, dataBitrate }: CanBusStatus): void {
    if (lost !== undefined) {
      this.#pushMeter('lostRate', ((lost - this.#lost) * 1e6) / us, time);
      this.#lost = lost;
    }
    if (controller !== undefined) this.#pushMeter('controller', CONTROLLER_STATES.indexOf(controller), time);
    if (bitrate !== undefined) this.#meter.setBitrates(bitrate, dataBitrate);
  }

  #pushMeter(quantity: MeterChannel, value: number, time: number): void {
    let id = this.#meterChannels.get(quantity);
    if (id === undefined) {
      const { path, source, stamp } = this.#settings;
      const { name, ...rest } = METER_CHANNELS[quantity];
      const type = rest.labels === undefined ? 'number' : 'enum';
      id = this.#sink.channel({ ...rest, name: `${path}/bus/${name}`, source, stamp, type, rateHz: 1 }).id;
      this.#meterChannels.set(quantity, id);
    }
    if (this.#sink.push(id, time, value)) this.#counters.samples += 1;
  }

  /** Makes a signal's channel when its first sample comes: a multiplexed one may never. */
  #open(route: Route, signal: number): number {
    const { id } = this.#sink.channel(route.specs[signal] as ChannelSpec);
    route.ids[signal] = id;
    return id;
  }
}

/** Groups whose messages are parts of longer ones. */
const TRANSPORT: ReadonlySet<number> = new Set([TRANSPORT_CONTROL, TRANSPORT_DATA, EXTENDED_CONTROL, EXTENDED_DATA]);

function isTransport({ pgn }: J1939Id): boolean {
  return TRANSPORT.has(pgn);
}

function bytesOf(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}

/** A value that is null is told once, as NaN, when it was there before: many signals are null for ever. */
function isNews(isThere: Uint8Array, signal: number, value: number): boolean {
  const wasThere = isThere[signal] === 1;
  const isNull = Number.isNaN(value);
  isThere[signal] = isNull ? 0 : 1;
  return wasThere || !isNull;
}

type MeterChannel = keyof BusReading | 'lostRate' | 'controller';

interface MeterSpec {
  readonly name: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly description: string;
}

const METER_CHANNELS: Readonly<Record<MeterChannel, MeterSpec>> = {
  frameRate: { name: 'frame_rate', unit: '1/s', decimals: 0, description: 'frames a second on the bus' },
  errorRate: { name: 'error_rate', unit: '1/s', decimals: 0, description: 'error frames a second' },
  lostRate: {
    name: 'lost_rate',
    unit: '1/s',
    decimals: 0,
    description: 'frames a second that were on the bus and lost in the controller or the kernel',
  },
  controller: {
    name: 'controller',
    labels: Object.fromEntries(CONTROLLER_STATES.map((state, value) => [value, state])),
    description: 'how far the controller takes part in the bus',
  },
  load: {
    name: 'load',
    unit: '%',
    decimals: 1,
    description: 'share of the time the bus is busy, without stuff bits, which add up to a fifth',
  },
};
