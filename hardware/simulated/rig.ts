import { Buffer } from 'node:buffer';
import type { IClientOptions } from 'mqtt';
import { openPty, type Pty } from '../serial/pty.ts';
import { systemTimers, type Timers } from '../serial/timers.ts';
import { SimulatedCar } from './car.ts';
import { CAN_BUSES, type CanBusName, carDbc } from './dbc.ts';
import type { FaultKind } from './faults.ts';
import { LineOut } from './line-out.ts';
import { MqttPublisher } from './mqtt-publisher.ts';
import { SimulatedAdapter } from './simulated-adapter.ts';
import type { Truth } from './truth.ts';

/** Time between two looks at the clock, milliseconds. */
const TICK_MS = 10;
/** Simulation done at one look, seconds; what is left waits for the next, so that the process stays responsive. */
const SLICE_S = 0.25;
/** A process that was stopped for longer, seconds, does not catch up: the cars stood still meanwhile. */
const BEHIND_MAX_S = 2;
/** Bytes a receiver keeps for a host that does not read. */
const GNSS_HELD_BYTES_MAX = 512;

export interface RigOptions {
  /** How many; they are called `car1`, `car2`... Default 1. */
  readonly cars?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Faults by chance. Default true. */
  readonly faults?: boolean;
  readonly timers?: Timers;
}

/** A car whose wires end in this machine. */
export interface RigCar {
  /** `car1`; also the first level of its MQTT topics. */
  readonly name: string;
  /** Devices: two SLCAN adapters at {@link CAN_BITRATE}, a receiver at {@link GNSS_BAUD_RATE}. */
  readonly ports: Readonly<Record<CanBusName | 'gnss', string>>;
  readonly truth: Truth;
  /** What was sent so far, by wire, also while nobody listened. */
  readonly sent: SimulatedCar['sent'];
  /** What did not get through because the other side did not listen or read: frames, writes, sentences, messages. */
  readonly unheard: Readonly<Record<CanBusName | 'gnss' | 'mqtt', number>>;
  /** As {@link SimulatedCar.inject}, from now for so many seconds. */
  inject(kind: FaultKind, target: string, forSeconds: number): void;
}

/** Cars that run in real time. The wires stay when whoever listens to them goes and comes back. */
export interface Rig {
  readonly cars: readonly RigCar[];
  /** Descriptions of the two buses, the same for every car. */
  readonly dbc: Readonly<Record<CanBusName, string>>;
  /** Seconds of simulation so far; all times of {@link Truth} are in them. */
  readonly time: number;
  /** UTC of a second of simulation, milliseconds since 1970. */
  utcMs(seconds: number): number;
  /**
   * Lets every car publish to a broker, a client each, called like the car. Resolves when all have been connected once;
   * they go on trying, then and whenever the connection is lost. A second call replaces the first.
   * @param options of mqtt.js, such as user name and password
   */
  connectMqtt(url: string, options?: IClientOptions): Promise<void>;
  /** Stops the cars and takes away the wires. */
  stop(): Promise<void>;
}

/** Makes the wires and lets the cars roll. Rejects where the system has no pseudo terminals left. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const { cars = 1, seed = 1, faults = true, timers = systemTimers } = options;
  const clock = new RigClock(timers);
  const wired: WiredCar[] = [];
  try {
    for (let number = 1; number <= cars; number++) wired.push(await WiredCar.open(seed, number, faults, clock));
  } catch (error) {
    await Promise.all(wired.map((car) => car.close()));
    throw error;
  }
  return new RunningRig(wired, clock, timers);
}

/** How seconds of simulation lie in real time. */
class RigClock {
  readonly #timers: Timers;
  readonly #utcOriginMs: number;
  #originMs: number;
  #pausedMs = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
    this.#originMs = timers.now();
    this.#utcOriginMs = Date.now();
  }

  get seconds(): number {
    return (this.#timers.now() - this.#originMs) / 1000;
  }

  utcMs(seconds: number): number {
    return this.#utcOriginMs + this.#pausedMs + seconds * 1000;
  }

  /** Lets `seconds` of real time be none of the simulation's. */
  skip(seconds: number): void {
    this.#originMs += seconds * 1000;
    this.#pausedMs += seconds * 1000;
  }
}

class WiredCar implements RigCar {
  readonly name: string;
  readonly truth: Truth;
  readonly ports: RigCar['ports'];
  readonly #car: SimulatedCar;
  readonly #adapters: Readonly<Record<CanBusName, SimulatedAdapter>>;
  readonly #gnss: Pty;
  readonly #gnssOut: LineOut;
  #sentences = '';
  #publisher: MqttPublisher | undefined;
  #unpublished = 0;

  static async open(seed: number, number: number, faults: boolean, clock: RigClock): Promise<WiredCar> {
    const opened: { close(): Promise<void> }[] = [];
    const keep = <T extends { close(): Promise<void> }>(wire: T): T => {
      opened.push(wire);
      return wire;
    };
    try {
      const powertrain = keep(await SimulatedAdapter.open());
      const chassis = keep(await SimulatedAdapter.open());
      return new WiredCar({ powertrain, chassis }, keep(await openPty()), seed, number, faults, clock);
    } catch (error) {
      await Promise.all(opened.map((wire) => wire.close()));
      throw error;
    }
  }

  private constructor(
    adapters: Readonly<Record<CanBusName, SimulatedAdapter>>,
    gnss: Pty,
    seed: number,
    number: number,
    faults: boolean,
    clock: RigClock,
  ) {
    this.#adapters = adapters;
    this.#gnss = gnss;
    this.#gnssOut = new LineOut(gnss, GNSS_HELD_BYTES_MAX);
    this.#car = new SimulatedCar(
      { seed, number, faults, utcMs: (seconds) => clock.utcMs(seconds) },
      {
        frame: (bus, frame) => this.#adapters[bus].hear(frame),
        sentence: (_sentUs, text) => {
          this.#sentences += text;
        },
        message: (_sentUs, topic, payload, qos) => {
          if (this.#publisher === undefined) this.#unpublished++;
          else this.#publisher.publish(topic, payload, qos);
        },
      },
    );
    this.name = this.#car.name;
    this.truth = this.#car.truth;
    this.ports = { powertrain: adapters.powertrain.path, chassis: adapters.chassis.path, gnss: gnss.path };
  }

  get time(): number {
    return this.#car.time;
  }

  get sent(): SimulatedCar['sent'] {
    return this.#car.sent;
  }

  get unheard(): RigCar['unheard'] {
    const { powertrain, chassis } = this.#adapters;
    return {
      powertrain: powertrain.unheard + powertrain.dropped,
      chassis: chassis.unheard + chassis.dropped,
      gnss: this.#gnssOut.dropped,
      mqtt: this.#unpublished + (this.#publisher?.dropped ?? 0),
    };
  }

  inject(kind: FaultKind, target: string, forSeconds: number): void {
    this.#car.inject(kind, target, this.time, this.time + forSeconds);
  }

  advance(seconds: number): void {
    this.#car.advance(seconds);
    for (const bus of CAN_BUSES) this.#adapters[bus].flush();
    if (this.#sentences === '') return;
    this.#gnssOut.write(Buffer.from(this.#sentences, 'latin1'));
    this.#sentences = '';
  }

  async connectMqtt(url: string, options: IClientOptions): Promise<void> {
    await this.#disconnect();
    this.#publisher = new MqttPublisher(url, { clientId: this.name, ...options });
    await this.#publisher.ready;
  }

  async close(): Promise<void> {
    await this.#disconnect();
    await Promise.all([this.#gnss.close(), ...CAN_BUSES.map((bus) => this.#adapters[bus].close())]);
  }

  async #disconnect(): Promise<void> {
    const publisher = this.#publisher;
    this.#publisher = undefined;
    this.#unpublished += publisher?.dropped ?? 0;
    await publisher?.close();
  }
}

class RunningRig implements Rig {
  readonly cars: readonly WiredCar[];
  readonly dbc = { powertrain: carDbc('powertrain'), chassis: carDbc('chassis') };
  readonly #clock: RigClock;
  readonly #timers: Timers;
  #cancelTick: () => void;
  #time = 0;

  constructor(cars: readonly WiredCar[], clock: RigClock, timers: Timers) {
    this.cars = cars;
    this.#clock = clock;
    this.#timers = timers;
    this.#cancelTick = timers.after(TICK_MS, () => this.#tick());
  }

  get time(): number {
    return this.#time;
  }

  utcMs(seconds: number): number {
    return this.#clock.utcMs(seconds);
  }

  async connectMqtt(url: string, options: IClientOptions = {}): Promise<void> {
    await Promise.all(this.cars.map((car) => car.connectMqtt(url, options)));
  }

  async stop(): Promise<void> {
    this.#cancelTick();
    await Promise.all(this.cars.map((car) => car.close()));
  }

  #tick(): void {
    const behind = this.#clock.seconds - this.#time;
    if (behind > BEHIND_MAX_S) this.#clock.skip(behind - SLICE_S);
    this.#time = Math.min(this.#clock.seconds, this.#time + SLICE_S);
    for (const car of this.cars) car.advance(this.#time);
    this.#cancelTick = this.#timers.after(TICK_MS, () => this.#tick());
  }
}
