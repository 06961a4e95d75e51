import { type Random, Wander } from '../random.ts';
import { HYBRID, SLOW_EVERY, STEP_S } from './parameters.ts';
import type { Powertrain } from './powertrain.ts';

const SECONDS = STEP_S * SLOW_EVERY;
/** Consumers on the 12 V net, each behind its own fuse of the power box. */
export const CONSUMERS = 12;
const CELLS = 96;

/** The 12 V net with its consumers, and the traction battery. */
export class Electrics {
  /** V. */
  voltage = 13.9;
  /** A, out of the alternator. */
  alternatorCurrent = 40;
  /** A, by consumer. */
  readonly currents = new Float64Array(CONSUMERS);
  /** Traction battery: V, A (positive when it drives the car), degrees. */
  packVoltage = 380;
  packCurrent = 0;
  packTemperature = 37;
  inverterTemperature = 48;
  motorTemperature = 71;
  /** V, of the weakest and the strongest cell. */
  cellLow = 3.9;
  cellHigh = 3.95;
  readonly #draw = new Float64Array(CONSUMERS);
  readonly #flutter: readonly Wander[];

  constructor(random: Random) {
    for (let consumer = 0; consumer < CONSUMERS; consumer++) this.#draw[consumer] = random.between(0.8, 9);
    this.#flutter = Array.from({ length: CONSUMERS }, () => new Wander(random, 0.4));
  }

  stepSlow(powertrain: Powertrain, brake: number): void {
    let total = 0;
    for (let consumer = 0; consumer < CONSUMERS; consumer++) {
      const flutter = 1 + 0.06 * (this.#flutter[consumer]?.advance(SECONDS) ?? 0);
      // The first two are the fuel pumps, which work with the flow; the third is the brake light.
      const demand = consumer < 2 ? 0.7 + 14 * powertrain.fuelFlow : consumer === 2 ? (brake > 0.02 ? 1 : 0.05) : 1;
      const current = (this.#draw[consumer] ?? 0) * flutter * demand;
      this.currents[consumer] = current;
      total += current;
    }
    this.alternatorCurrent += (total - this.alternatorCurrent) * (SECONDS / 0.12);
    this.voltage = 14.25 - 0.0055 * total - 0.04 * (total - this.alternatorCurrent);
    this.#pack(powertrain);
  }

  #pack(powertrain: Powertrain): void {
    const share = powertrain.charge / HYBRID.energyMax;
    const open = 3.55 + 0.55 * share;
    this.packCurrent = powertrain.motorPower / Math.max(250, this.packVoltage);
    const sag = 0.00042 * this.packCurrent;
    this.packVoltage = CELLS * (open - sag);
    this.cellLow = open - 1.25 * sag - 0.012;
    this.cellHigh = open - 0.85 * sag + 0.008;
    const heat = this.packCurrent * this.packCurrent * 0.045;
    this.packTemperature += ((heat - 95 * (this.packTemperature - 30)) * SECONDS) / 24_000;
    const worked = Math.abs(powertrain.motorPower);
    this.inverterTemperature += ((0.018 * worked - 62 * (this.inverterTemperature - 32)) * SECONDS) / 5200;
    this.motorTemperature += ((0.035 * worked - 58 * (this.motorTemperature - 34)) * SECONDS) / 9800;
  }
}
