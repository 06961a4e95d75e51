import { type Random, Wander } from '../random.ts';
import { AIR_TEMPERATURE, CYLINDERS, ENGINE, SLOW_EVERY, STEP_S } from './parameters.ts';
import type { Powertrain } from './powertrain.ts';

const SECONDS = STEP_S * SLOW_EVERY;

/** Heat and pressure of what flows and what is heated in the powertrain: water, oil, charge air, exhaust, gearbox oil. */
export class Fluids {
  waterTemperature = 88;
  waterPressure = 1.5;
  oilTemperature = 101;
  /** Bar, gauge. */
  oilPressure = 5;
  scavengePressure = 1.8;
  crankcasePressure = -0.35;
  fuelPressure = 6;
  fuelTemperature = 34;
  railPressure = 180;
  chargeAirTemperature = 41;
  compressorTemperature = 110;
  intakeTemperature = 25;
  gearboxTemperature = 104;
  gearboxPressure = 3.4;
  differentialTemperature = 96;
  turbineTemperature = 780;
  engineBayTemperature = 62;
  readonly exhaustTemperature = new Float64Array(CYLINDERS).fill(780);
  readonly #trim = new Float64Array(CYLINDERS);
  readonly #slosh: Wander;

  constructor(random: Random) {
    for (let cylinder = 0; cylinder < CYLINDERS; cylinder++) this.#trim[cylinder] = 14 * random.gaussian();
    this.#slosh = new Wander(random, 0.35);
  }

  /**
   * @param speed m/s
   * @param lateral m/s^2; it pushes the oil away from its pump
   */
  stepSlow(powertrain: Powertrain, speed: number, lateral: number): void {
    const burning = powertrain.fuelFlow * ENGINE.fuelEnergy;
    const revs = powertrain.rpm / ENGINE.limitRpm;
    this.#heat(burning, revs, speed, powertrain.load);
    const slosh = 1 - 0.0011 * Math.abs(lateral) ** 1.6 * (1 + 0.3 * this.#slosh.advance(SECONDS));
    const thin = 1 - 0.006 * (this.oilTemperature - 100);
    this.oilPressure = (1.4 + 5.4 * Math.sqrt(revs)) * thin * slosh;
    this.scavengePressure = 0.6 + 1.9 * revs;
    this.crankcasePressure = -0.18 - 0.3 * revs + 0.08 * powertrain.load;
    this.waterPressure = 0.75 + 0.9 * revs + 0.008 * (this.waterTemperature - 85);
    this.fuelPressure = 6.2 - 9 * powertrain.fuelFlow - 0.004 * Math.abs(lateral) * (1 - powertrain.fuel / 60);
    this.railPressure += (90 + 165 * powertrain.load - this.railPressure) * (SECONDS / 0.08);
    this.gearboxPressure = 1.1 + 3.9 * revs - 0.011 * (this.gearboxTemperature - 100);
  }

  #heat(burning: number, revs: number, speed: number, load: number): void {
    const open = Math.min(1, Math.max(0.15, (this.waterTemperature - 78) / 18));
    const radiator = open * (260 + 52 * speed) * (this.waterTemperature - AIR_TEMPERATURE);
    const toOil = 620 * (this.oilTemperature - this.waterTemperature);
    this.waterTemperature += ((0.235 * burning + toOil - radiator) * SECONDS) / 46_000;
    const oilCooler = (90 + 11 * speed) * (this.oilTemperature - AIR_TEMPERATURE);
    this.oilTemperature += ((0.075 * burning + 9000 * revs * revs - toOil - oilCooler) * SECONDS) / 27_000;
    const compressed = this.intakeTemperature + 112 * load + 22 * revs;
    this.compressorTemperature += (compressed - this.compressorTemperature) * (SECONDS / 0.9);
    const cooled = AIR_TEMPERATURE + (this.compressorTemperature - AIR_TEMPERATURE) * (0.36 - 0.0018 * speed);
    this.chargeAirTemperature += (cooled - this.chargeAirTemperature) * (SECONDS / 2.2);
    this.intakeTemperature += (AIR_TEMPERATURE + 5.5 - 0.03 * speed - this.intakeTemperature) * (SECONDS / 6);
    const rubbed = 0.034 * burning * ENGINE.efficiency + 2600 * revs;
    this.gearboxTemperature +=
      ((rubbed - (48 + 2.3 * speed) * (this.gearboxTemperature - AIR_TEMPERATURE)) * SECONDS) / 19_000;
    this.differentialTemperature +=
      ((0.6 * rubbed - (30 + 1.5 * speed) * (this.differentialTemperature - AIR_TEMPERATURE)) * SECONDS) / 12_000;
    this.fuelTemperature += (31 + 0.06 * (this.engineBayTemperature - 30) - this.fuelTemperature) * (SECONDS / 400);
    this.engineBayTemperature += (48 + 34 * load - 0.25 * speed - this.engineBayTemperature) * (SECONDS / 14);
    for (let cylinder = 0; cylinder < CYLINDERS; cylinder++) {
      const hot = 560 + 330 * load + 95 * revs + (this.#trim[cylinder] ?? 0);
      const temperature = this.exhaustTemperature[cylinder] ?? 0;
      this.exhaustTemperature[cylinder] = temperature + (hot - temperature) * (SECONDS / 0.55);
    }
    this.turbineTemperature += (520 + 380 * load + 60 * revs - this.turbineTemperature) * (SECONDS / 4);
  }
}
