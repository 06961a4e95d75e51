import { CanSender, type SentFrame } from './can-sender.ts';
import { CanWire } from './can-wire.ts';
import { LONGSHOAL } from './circuit.ts';
import { CAN_BITRATE, CAN_BUSES, CAN_MESSAGES, type CanBusName } from './dbc.ts';
import { type FaultKind, Faults } from './faults.ts';
import { GnssReceiver } from './gnss.ts';
import { Random } from './random.ts';
import { Track } from './track.ts';
import { Truth } from './truth.ts';
import { TyreCamera } from './tyre-camera.ts';
import { STEP_S, WHEELS } from './vehicle/parameters.ts';
import { Vehicle } from './vehicle/vehicle.ts';
import { WeatherStation } from './weather-station.ts';

/**
 * Takes what a car sends. Each wire's calls come in the order of its own time; `sentUs`, microseconds of simulation, is
 * when the last bit or byte had left.
 */
export interface CarSinks {
  frame(bus: CanBusName, frame: SentFrame): void;
  /** An NMEA sentence with its line end. */
  sentence(sentUs: number, text: string): void;
  /** @param topic of MQTT, with the car's name in front */
  message(sentUs: number, topic: string, payload: Uint8Array | string, qos: 0 | 1): void;
}

export interface CarOptions {
  /** The same seed and number give the same bytes. */
  readonly seed: number;
  /** From 1; the car is called `car1`. */
  readonly number?: number;
  /** Size of all sensor noise, jitter and clock errors against the usual; 0 for perfect sensors. Default 1. */
  readonly noise?: number;
  /** Faults by chance. Default true. */
  readonly faults?: boolean;
  /** UTC of a second of simulation, milliseconds since 1970. Default: a Sunday afternoon in 2026. */
  readonly utcMs?: (seconds: number) => number;
}

/** What a car has sent since its start, by wire. */
export interface WireCount {
  /** Frames, sentences or messages. */
  readonly units: number;
  readonly samples: number;
}

const STEP_US = STEP_S * 1e6;
const DEFAULT_START_MS = Date.UTC(2026, 4, 17, 13, 0, 0);

/** A racing car with all that is wired into it. It knows no clock: {@link SimulatedCar.advance} says how late it is. */
export class SimulatedCar {
  readonly name: string;
  readonly truth: Truth;
  readonly #vehicle: Vehicle;
  readonly #faults: Faults;
  readonly #buses: Readonly<Record<CanBusName, CanWire>>;
  readonly #gnss: GnssReceiver;
  readonly #cameras: readonly TyreCamera[];
  readonly #weather: WeatherStation;

  constructor(options: CarOptions, sinks: CarSinks) {
    const { seed, number = 1, noise = 1, faults = true } = options;
    const utcMs = options.utcMs ?? ((seconds) => DEFAULT_START_MS + seconds * 1000);
    this.name = `car${number}`;
    const random = new Random(seed).fork(this.name);
    const track = new Track(LONGSHOAL);
    const vehicle = () => new Vehicle(track, random.fork('vehicle'));
    this.#vehicle = vehicle();
    this.#faults = new Faults(random.fork('faults'), faults);
    this.truth = new Truth(this.#vehicle, this.#faults, vehicle);
    const bus = (name: CanBusName): CanWire => {
      const senders = CAN_MESSAGES[name].map((message) => {
        return new CanSender(name, message, random.fork(`${name}/${message.name}`), this.#faults, noise);
      });
      return new CanWire(senders, CAN_BITRATE, (frame) => sinks.frame(name, frame));
    };
    this.#buses = { powertrain: bus('powertrain'), chassis: bus('chassis') };
    this.#gnss = new GnssReceiver(random.fork('gnss'), this.#faults, noise, utcMs, (sentUs, text) =>
      sinks.sentence(sentUs, text),
    );
    this.#cameras = WHEELS.map((wheel, index) => {
      const unit = `tyres/${wheel.toLowerCase()}`;
      const topic = `${this.name}/${unit}`;
      const send = (sentUs: number, payload: Uint8Array): void => sinks.message(sentUs, topic, payload, 0);
      return new TyreCamera(unit, index, random.fork(unit), this.#faults, noise, utcMs, send);
    });
    this.#weather = new WeatherStation(random.fork('ambient'), this.#faults, noise, (sentUs, payload) =>
      sinks.message(sentUs, `${this.name}/ambient`, payload, 1),
    );
  }

  /** Seconds of simulation so far. */
  get time(): number {
    return this.#vehicle.time;
  }

  /** Drives on up to `seconds`, in whole milliseconds, and sends what falls into that time. */
  advance(seconds: number): void {
    const steps = Math.floor(seconds / STEP_S + 1e-6);
    while (this.#vehicle.steps < steps) this.#step();
  }

  /**
   * Plans a fault, times in seconds of simulation. Throws a RangeError where there is no such unit or sensor, or it
   * cannot have that fault.
   */
  inject(kind: FaultKind, target: string, from: number, to: number): void {
    this.#faults.inject(kind, target, Math.round(from * 1e6), Math.round(to * 1e6));
  }

  /** What was sent so far. */
  get sent(): Readonly<Record<CanBusName | 'gnss' | 'mqtt', WireCount>> {
    const { powertrain, chassis } = this.#buses;
    const published = [...this.#cameras, this.#weather];
    const sum = (read: (each: { messages: number; samples: number }) => number): number => {
      return published.reduce((total, each) => total + read(each), 0);
    };
    return {
      powertrain: { units: powertrain.frames, samples: powertrain.samples },
      chassis: { units: chassis.frames, samples: chassis.samples },
      gnss: { units: this.#gnss.sentences, samples: this.#gnss.samples },
      mqtt: { units: sum((each) => each.messages), samples: sum((each) => each.samples) },
    };
  }

  /** Share of its time that a bus was busy since the start, counting stuff bits and the pauses between frames. */
  busLoad(bus: CanBusName): number {
    return this.#buses[bus].bits / CAN_BITRATE / Math.max(this.time, STEP_S);
  }

  /** One millisecond: sensors see the car as it stands at its beginning. */
  #step(): void {
    const car = this.#vehicle;
    const startUs = car.steps * STEP_US;
    const endUs = startUs + STEP_US;
    this.#faults.advance(startUs);
    for (const bus of CAN_BUSES) this.#buses[bus].advance(car, endUs);
    this.#gnss.advance(car, endUs);
    for (const camera of this.#cameras) camera.advance(car, endUs);
    this.#weather.advance(car, endUs);
    car.step();
  }
}
