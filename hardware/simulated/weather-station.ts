import type { FaultSlot, Faults } from './faults.ts';
import type { Random } from './random.ts';
import type { Vehicle } from './vehicle/vehicle.ts';

const PERIOD_US = 1e6;
const JITTER_US = 4000;

/** One quantity of the weather, as the station's JSON has it. */
export interface WeatherField {
  readonly name: string;
  readonly unit: string;
  /** Step the station rounds to, and standard deviation of its noise. */
  readonly step: number;
  readonly noise: number;
  readonly least: number;
  readonly greatest: number;
  readonly read: (car: Vehicle) => number;
}

export const WEATHER_FIELDS: readonly WeatherField[] = [
  field('airTemperature', 'degC', 0.1, 0.08, -40, 60, (car) => car.ambient.airTemperature),
  field('trackTemperature', 'degC', 0.1, 0.15, -40, 80, (car) => car.ambient.trackTemperature),
  field('humidity', '%', 0.1, 0.2, 0, 100, (car) => car.ambient.humidity),
  field('pressure', 'hPa', 0.1, 0.1, 800, 1100, (car) => car.ambient.pressure),
  field('windSpeed', 'm/s', 0.1, 0.2, 0, 60, (car) => car.ambient.windSpeed),
  field('windDirection', 'deg', 1, 2, 0, 360, (car) => car.ambient.windDirection),
];

/** The weather station at the pit wall: one JSON object a second. */
export class WeatherStation {
  messages = 0;
  samples = 0;
  readonly #random: Random;
  readonly #noise: number;
  readonly #slot: FaultSlot;
  readonly #onMessage: (sentUs: number, payload: string) => void;
  #count = 0;
  #dueUs: number;

  constructor(random: Random, faults: Faults, noise: number, onMessage: (sentUs: number, payload: string) => void) {
    this.#random = random;
    this.#noise = noise;
    this.#slot = faults.slot('ambient', ['silent']);
    this.#onMessage = onMessage;
    this.#dueUs = random.between(0, PERIOD_US / 2);
  }

  advance(car: Vehicle, endUs: number): void {
    if (this.#dueUs >= endUs) return;
    const sentUs = this.#dueUs;
    this.#count++;
    this.#dueUs = this.#count * PERIOD_US + JITTER_US * (1 + this.#noise * this.#random.between(-1, 1));
    const payload = JSON.stringify(
      Object.fromEntries(WEATHER_FIELDS.map((each) => [each.name, this.#read(each, car)])),
    );
    const { fault } = this.#slot;
    if (fault !== undefined) {
      fault.lostUnits++;
      fault.lostSamples += WEATHER_FIELDS.length;
      return;
    }
    this.messages++;
    this.samples += WEATHER_FIELDS.length;
    this.#onMessage(sentUs, payload);
  }

  #read(each: WeatherField, car: Vehicle): number {
    const value = each.read(car) + each.noise * this.#noise * this.#random.gaussian();
    const within = Math.min(each.greatest, Math.max(each.least, value));
    return Number((Math.round(within / each.step) * each.step).toFixed(3));
  }
}

function field(
  name: string,
  unit: string,
  step: number,
  noise: number,
  least: number,
  greatest: number,
  read: (car: Vehicle) => number,
): WeatherField {
  return { name, unit, step, noise, least, greatest, read };
}
