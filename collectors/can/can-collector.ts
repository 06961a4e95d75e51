import { basename } from 'node:path';
import type { CanBus, CanBusState } from '../../hardware/can/can-bus.ts';
import { FRAME_EXTENDED, type FrameBatch } from '../../hardware/can/can-frame.ts';
import { openGvretSerial, openGvretTcp } from '../../hardware/can/gvret/gvret-bus.ts';
import { LogBus } from '../../hardware/can/recording/log-bus.ts';
import { openSlcanBus } from '../../hardware/can/slcan-bus.ts';
import { openSocketcanBus } from '../../hardware/can/socketcan/socketcan-bus.ts';
import { openSocketcandBus } from '../../hardware/can/socketcand-bus.ts';
import { systemTimers, type Timers } from '../../hardware/serial/timers.ts';
import {
  type Collector,
  type CollectorContext,
  CollectorCounters,
  type CollectorFactory,
  type CollectorHealth,
} from '../collector.ts';
import { offsetUs } from '../utc-offset.ts';
import { ArrivalStamps } from './arrival-stamps.ts';
import { RecordedSeconds, SECOND_US, SILENCE_MAX_US } from './bus-meter.ts';
import {
  bitratesOf,
  type CanConfig,
  type CanProtocol,
  type CanSettings,
  canSettings,
  checkSettings,
  type GvretSection,
  isDevice,
} from './can-config.ts';
import { CanDecoding } from './can-decoding.ts';
import { type CanInterface, METER_SAMPLES } from './can-interface.ts';
import { Dictionaries } from './dictionary.ts';
import { NODE_ROOM_MAX } from './j1939/node-samples.ts';
import { type LiveClock, NMEA2000_ROOM_MAX } from './nmea2000/nmea2000-samples.ts';
import { OBD_QUANTITIES } from './obd/obd-pids.ts';
import { ObdPoller, type SendFrame } from './obd/obd-poller.ts';
import { OBD_ROOM_MAX } from './obd/obd-replies.ts';
import { RawFrames, rawFrameRoom } from './raw-frames.ts';
import { UNDEFINED_FRAMES_PER_SECOND_MAX, UndefinedFrames } from './undefined-frames.ts';

/** Time between two readings of the meters of a live bus, milliseconds. */
const METER_INTERVAL_MS = 1000;

/** Time between two looks for room in the ring, milliseconds. */
const ROOM_INTERVAL_MS = 2;

/** Room that the samples of one message may take beside those of its signals. */
const PROTOCOL_ROOM_MAX: Readonly<Record<CanProtocol, number>> = { j1939: NODE_ROOM_MAX, nmea2000: NMEA2000_ROOM_MAX };

/** Signals of a CAN bus or of a recording of one or several. */
export const createCanCollector: CollectorFactory<CanConfig> = (config, context) => {
  const settings = canSettings(config);
  return new CanCollector(settings, context, () => openBus(settings.bus));
};

/** The bus of a section, not started. */
export function openBus(bus: CanSettings['bus']): CanBus {
  if ('slcan' in bus) return openSlcanBus({ ...bus, path: bus.slcan });
  if ('socketcan' in bus) return openSocketcanBus({ ...bus, name: bus.socketcan });
  if ('gvret' in bus) return openGvretBus(bus);
  if ('socketcand' in bus) return openSocketcandBus({ host: bus.socketcand, port: bus.port, name: bus.interface });
  const speed = bus.speed === 'max' ? Number.POSITIVE_INFINITY : bus.speed;
  const { log: path, loop, utcOffset, bitrate } = bus;
  return new LogBus({ path, speed, loop, utcOffsetUs: offsetUs(utcOffset), ...(bitrate !== undefined && { bitrate }) });
}

function openGvretBus({ gvret, port, baudRate, buses }: GvretSection): CanBus {
  const [first, second] = (buses ?? []).map(({ bitrate, listenOnly = false }) => ({ bitrate, listenOnly }));
  const setup =
    first === undefined ? {} : { setup: second === undefined ? ([first] as const) : ([first, second] as const) };
  if (isDevice(gvret)) return openGvretSerial({ path: gvret, baudRate, ...setup });
  return openGvretTcp({ host: gvret, port, ...setup });
}

/** Frames that a bus knows to be lost, of all its interfaces. */
function lostBy(bus: CanBus | undefined): number {
  let lost = 0;
  for (let index = 0; index < (bus?.interfaces.length ?? 0); index++) lost += bus?.statusOf?.(index)?.lost ?? 0;
  return lost;
}

/** What a bus is called in messages. */
function nameOf(bus: CanSettings['bus']): string {
  if ('slcan' in bus) return bus.slcan;
  if ('socketcan' in bus) return bus.socketcan;
  if ('gvret' in bus) return isDevice(bus.gvret) ? bus.gvret : `${bus.gvret}:${bus.port}`;
  return 'socketcand' in bus ? `${bus.socketcand}:${bus.port}` : bus.log;
}

export class CanCollector implements Collector {
  readonly #settings: CanSettings;
  readonly #context: CollectorContext;
  readonly #openBus: () => CanBus;
  readonly #timers: Timers;
  readonly #counters = new CollectorCounters();
  /** Where all frames are kept as they came. */
  #raw: RawFrames | undefined;
  #undefinedFrames: UndefinedFrames | undefined;
  #decoding: CanDecoding | undefined;
  #dictionaries: Dictionaries | undefined;
  #bus: CanBus | undefined;
  #poller: ObdPoller | undefined;
  #state: CanBusState | undefined;
  #arrivals = new ArrivalStamps(undefined);
  /** Box time at which the frame in hand came, microseconds. */
  #arrival = 0;
  #recorded = new RecordedSeconds();
  #cancelMeter: () => void = () => {};
  #meteredAt = 0;
  #errorPlaces: Readonly<Record<string, string>> = {};

  /** @param openBus makes the bus anew for every start */
  constructor(settings: CanSettings, context: CollectorContext, openBus: () => CanBus, timers: Timers = systemTimers) {
    this.#settings = settings;
    this.#context = context;
    this.#openBus = openBus;
    this.#timers = timers;
  }

  /** What the DBC files have that was passed over, as `file:line: text`; known after the start. */
  get notes(): readonly string[] {
    return this.#dictionaries?.notes ?? [];
  }

  async start(): Promise<void> {
    checkSettings(this.#settings, this.#context.source);
    const dictionaries = Dictionaries.load(this.#settings);
    const bus = this.#openBus();
    this.#dictionaries = dictionaries;
    this.#bus = bus;
    this.#poller = this.#pollerOf(bus);
    const { source, intake } = this.#context;
    const { interfaces } = bus;
    const settings = this.#settings;
    const raw = this.#rawFrames(interfaces);
    const isAll = settings.raw?.frames === 'all';
    this.#raw = isAll ? raw : undefined;
    // A recording ends, a bus does not.
    const perSecondMax = bus.waits ? Number.POSITIVE_INFINITY : UNDEFINED_FRAMES_PER_SECOND_MAX;
    this.#undefinedFrames = new UndefinedFrames(this.#counters, isAll ? undefined : raw, perSecondMax);
    const parts = {
      undefinedFrames: this.#undefinedFrames,
      tester: this.#poller,
      clock: bus.waits ? undefined : this.#liveClock(),
    };
    this.#decoding = new CanDecoding(settings, source, dictionaries, interfaces, intake, this.#counters, parts);
    const { bitrate, dataBitrate } = bitratesOf(this.#settings.bus);
    this.#arrivals = new ArrivalStamps(bitrate, dataBitrate);
    this.#recorded = new RecordedSeconds();
    bus.start({
      onFrames: (frames, from, to) => this.#onFrames(bus, frames, from, to),
      onState: (state) => this.#onState(bus, state),
    });
  }

  async stop(): Promise<void> {
    const { errors, dropped } = this.health();
    const bus = this.#bus;
    this.#bus = undefined;
    this.#state = undefined;
    this.#cancelMeter();
    this.#poller?.stop();
    await bus?.stop();
    // The bus takes its counts with it.
    Object.assign(this.#counters.errors, errors);
    this.#counters.dropped = dropped;
    this.#errorPlaces = this.#placesOf(bus);
  }

  #rawFrames(names: readonly string[]): RawFrames | undefined {
    const { raw, timestamp: stamp, interfaces } = this.#settings;
    const { source, intake } = this.#context;
    const settings = raw && { source, stamp, raw, hasNamelessBus: interfaces === undefined };
    return settings && new RawFrames(settings, intake, names, this.#counters);
  }

  health(): CollectorHealth {
    const health = this.#counters.health(this.#healthState(), this.#problem());
    const errors: Record<string, number> = { ...health.errors };
    for (const [reason, count] of Object.entries(this.#bus?.errors ?? {}))
      errors[reason] = (errors[reason] ?? 0) + count;
    const places = this.#bus === undefined ? this.#errorPlaces : this.#placesOf(this.#bus);
    const dropped = health.dropped + lostBy(this.#bus);
    return { ...health, errors, dropped, ...(Object.keys(places).length > 0 && { errorPlaces: places }) };
  }

  /** Where the first of each reason stands in a recording, with its name, and which frames nothing decodes. */
  #placesOf(bus: CanBus | undefined): Readonly<Record<string, string>> {
    const { bus: settings } = this.#settings;
    const places = 'log' in settings ? Object.entries(bus?.errorPlaces ?? {}) : [];
    const log = 'log' in settings ? basename(settings.log) : '';
    const undefinedPlace = this.#undefinedFrames?.place(bus?.interfaces ?? []);
    return {
      ...Object.fromEntries(places.map(([reason, place]) => [reason, `${log}, ${place}`])),
      ...(undefinedPlace !== undefined && { 'no-definition': undefinedPlace }),
    };
  }

  #healthState(): CollectorHealth['state'] {
    if (this.#bus === undefined || this.#state?.state === 'ended') return 'stopped';
    if (this.#state?.state === 'waiting') return 'waiting';
    return this.#counters.samples === 0 ? 'starting' : 'running';
  }

  #problem(): string | undefined {
    if (this.#state === undefined || this.#state.state === 'open' || this.#state.problem === undefined)
      return undefined;
    const { bus } = this.#settings;
    return `${nameOf(bus)}: ${this.#state.problem}`;
  }

  #liveClock(): LiveClock {
    const { clock } = this.#context;
    return { arrival: () => this.#arrival, observe: (reading) => clock.observe(reading) };
  }

  /** Who asks the car, where the config has it asked and the bus can send. */
  #pollerOf(bus: CanBus): ObdPoller | undefined {
    const poll = this.#settings.obd?.poll;
    if (poll === undefined || bus.send === undefined) return undefined;
    const { quantities, intervalMs, codesEveryMs, extended } = poll;
    // The answer to one PID may have several quantities.
    const pids = [...new Set(quantities.map((name) => OBD_QUANTITIES.get(name) as number))];
    const send: SendFrame = (id, isExtended, data) => bus.send?.(id, isExtended ? FRAME_EXTENDED : 0, data) ?? false;
    return new ObdPoller({ pids, intervalMs, codesEveryMs, extended }, send, this.#timers);
  }

  #onState(bus: CanBus, state: CanBusState): void {
    this.#state = state;
    if (state.state === 'open') this.#poller?.start();
    else this.#poller?.stop();
    // A bus without a port is not a quiet bus: its meters give nothing until it is back.
    this.#cancelMeter();
    if (bus.waits || state.state !== 'open') return;
    for (let index = 0; index < bus.interfaces.length; index++) this.#decoding?.interface(index)?.resetMeter();
    this.#meteredAt = this.#context.clock.now();
    this.#awaitMeter(bus);
  }

  #awaitMeter(bus: CanBus): void {
    this.#cancelMeter = this.#timers.after(METER_INTERVAL_MS, () => {
      const now = this.#context.clock.now();
      for (let index = 0; index < bus.interfaces.length; index++) {
        this.#decoding?.interface(index)?.pushReading(now - this.#meteredAt, now, bus.statusOf?.(index));
      }
      this.#context.intake.publish();
      this.#meteredAt = now;
      this.#awaitMeter(bus);
    });
  }

  #onFrames(bus: CanBus, frames: FrameBatch, from: number, to: number): Promise<void> | undefined {
    const now = this.#context.clock.now();
    this.#counters.lastSeen = now;
    this.#arrivals.stamp(frames, from, to, now, bus.speed);
    const room = this.#frameRoom(bus);
    if (!bus.waits || this.#context.intake.hasRoom((to - from) * room)) {
      for (let i = from; i < to; i++) this.#take(bus, frames, i);
      this.#context.intake.publish();
      return undefined;
    }
    return this.#takeAsThereIsRoom(bus, frames, from, to, room);
  }

  /** A recording can wait for the store, so that a replay loses nothing. */
  async #takeAsThereIsRoom(bus: CanBus, frames: FrameBatch, from: number, to: number, room: number): Promise<void> {
    const { intake } = this.#context;
    for (let i = from; i < to; i++) {
      while (!intake.hasRoom(room)) {
        intake.publish();
        await new Promise<void>((resolve) => this.#timers.after(ROOM_INTERVAL_MS, resolve));
        if (this.#bus !== bus) return;
      }
      this.#take(bus, frames, i);
    }
    intake.publish();
  }

  /** Most samples that can be due with one frame: its own, itself, and the meters' of a silence before it. */
  #frameRoom(bus: CanBus): number {
    const readings = bus.interfaces.length * (SILENCE_MAX_US / 1e6 + 1);
    const raw = this.#settings.raw === undefined ? 0 : rawFrameRoom(bus.interfaces);
    const obd = this.#settings.obd === undefined ? 0 : OBD_ROOM_MAX;
    const { protocol } = this.#settings;
    const messages = protocol === undefined ? 0 : PROTOCOL_ROOM_MAX[protocol];
    return (this.#dictionaries?.signalsMax ?? 0) + messages + obd + raw + METER_SAMPLES * readings;
  }

  #take(bus: CanBus, frames: FrameBatch, i: number): void {
    this.#counters.received += 1;
    const recorded = frames.times[i] as number;
    if (this.#settings.timestamp === 'device' && Number.isNaN(recorded)) {
      this.#counters.error('no-time');
      return;
    }
    const arrival = this.#arrivals.of(i);
    this.#arrival = arrival;
    if (bus.waits) this.#meterRecorded(recorded, arrival);
    const time = this.#settings.timestamp === 'device' ? recorded : arrival;
    const isKept = this.#raw?.push(frames, i, time) ?? true;
    const isDecoded = this.#decoding?.take(frames, i, time) ?? false;
    if (!isKept || !isDecoded) this.#counters.dropped += 1;
  }

  #interfaces(): Iterable<CanInterface> {
    return this.#decoding?.interfaces() ?? [];
  }

  #meterRecorded(recorded: number, arrival: number): void {
    this.#recorded.advance(
      recorded,
      (second) => {
        const time = this.#settings.timestamp === 'device' ? second : arrival;
        for (const one of this.#interfaces()) one.pushReading(SECOND_US, time);
      },
      () => {
        for (const one of this.#interfaces()) one.resetMeter();
      },
    );
  }
}
