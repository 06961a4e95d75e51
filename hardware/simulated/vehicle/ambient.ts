import { type Random, Wander } from '../random.ts';
import { AIR_TEMPERATURE, SLOW_EVERY, STEP_S } from './parameters.ts';

const SECONDS = STEP_S * SLOW_EVERY;
/** Slow weather is stepped only so often; gusts every time. */
const WEATHER_EVERY = 100;

/** Weather at the track. */
export class Ambient {
  airTemperature = AIR_TEMPERATURE;
  trackTemperature = 34;
  /** Relative humidity, %. */
  humidity = 61;
  /** hPa. */
  pressure = 1016;
  /** m/s. */
  windSpeed = 5;
  /** Where the wind comes from, degrees from north, clockwise. */
  windDirection = 245;
  readonly #air: Wander;
  readonly #cloud: Wander;
  readonly #front: Wander;
  readonly #gust: Wander;
  readonly #veer: Wander;
  #steps = 0;

  constructor(random: Random) {
    this.#air = new Wander(random, 1800);
    this.#cloud = new Wander(random, 300);
    this.#front = new Wander(random, 7200);
    this.#gust = new Wander(random, 4);
    this.#veer = new Wander(random, 12);
  }

  stepSlow(): void {
    this.windSpeed = Math.max(0, 5 + 1.6 * this.#gust.advance(SECONDS));
    this.windDirection = (245 + 14 * this.#veer.advance(SECONDS) + 360) % 360;
    if (this.#steps++ % WEATHER_EVERY !== 0) return;
    const seconds = SECONDS * WEATHER_EVERY;
    this.airTemperature = AIR_TEMPERATURE + 1.2 * this.#air.advance(seconds);
    this.trackTemperature = this.airTemperature + 12 + 2.5 * this.#cloud.advance(seconds);
    this.humidity = 61 - 2.2 * this.#air.value;
    this.pressure = 1016 + 3 * this.#front.advance(seconds);
  }
}
