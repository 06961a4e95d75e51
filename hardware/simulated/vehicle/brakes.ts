import { AIR_TEMPERATURE, BRAKES, SLOW_EVERY, STEP_S } from './parameters.ts';

const HYDRAULIC_LAG_S = 0.02;
const RADIATING = 2.1e-9;

/** Two hydraulic circuits and four carbon discs. */
export class Brakes {
  /** Line pressure front and rear, bar. */
  frontPressure = 0;
  rearPressure = 0;
  /** Braking force at each wheel, N. */
  readonly force = new Float64Array(4);
  readonly discTemperature = Float64Array.of(430, 430, 390, 390);
  readonly caliperTemperature = Float64Array.of(124, 124, 112, 112);
  /** Wear of the pads since they were new, mm. */
  readonly padWear = new Float64Array(4);
  /** Heat that went into the discs since the last slow step, J. */
  readonly #heat = new Float64Array(4);

  /**
   * @param pedal 0 to 1
   * @param grip what each tyre can take, N
   * @param speed of the car, m/s
   */
  step(pedal: number, grip: Float64Array, speed: number): void {
    const keep = STEP_S / HYDRAULIC_LAG_S;
    this.frontPressure += (pedal * BRAKES.pressureMax[0] - this.frontPressure) * keep;
    this.rearPressure += (pedal * BRAKES.pressureMax[1] - this.rearPressure) * keep;
    for (let wheel = 0; wheel < 4; wheel++) {
      const front = wheel < 2;
      const share = front
        ? (this.frontPressure / BRAKES.pressureMax[0]) * BRAKES.frontShare
        : (this.rearPressure / BRAKES.pressureMax[1]) * (1 - BRAKES.frontShare);
      const off = ((this.discTemperature[wheel] ?? 0) - BRAKES.bestTemperature) / 1000;
      const bite = BRAKES.forceMax * (share / 2) * (1.01 - 0.45 * off * off);
      const force = speed > 0.1 ? Math.min(bite, 0.97 * (grip[wheel] ?? 0)) : 0;
      this.force[wheel] = force;
      this.#heat[wheel] = (this.#heat[wheel] ?? 0) + force * speed * STEP_S;
    }
  }

  /** Heat flows and wear. */
  stepSlow(speed: number): void {
    const seconds = STEP_S * SLOW_EVERY;
    for (let wheel = 0; wheel < 4; wheel++) {
      const capacity = BRAKES.heatCapacity[wheel < 2 ? 0 : 1] ?? 2000;
      const disc = this.discTemperature[wheel] ?? 0;
      const caliper = this.caliperTemperature[wheel] ?? 0;
      const heat = this.#heat[wheel] ?? 0;
      const kelvin = disc + 273;
      const lost = (9 + 1.0 * speed) * (disc - AIR_TEMPERATURE) + RADIATING * (kelvin ** 4 - 295 ** 4);
      const toCaliper = 9 * (disc - caliper);
      this.discTemperature[wheel] = disc + (heat - (lost + toCaliper) * seconds) / capacity;
      const cooled = (6 + 0.3 * speed) * (caliper - AIR_TEMPERATURE);
      this.caliperTemperature[wheel] = caliper + ((toCaliper - cooled) * seconds) / 2600;
      this.padWear[wheel] = (this.padWear[wheel] ?? 0) + heat * 4.5e-10 * (1 + disc / 900);
      this.#heat[wheel] = 0;
    }
  }

  /** New pads. */
  service(): void {
    this.padWear.fill(0);
  }
}
