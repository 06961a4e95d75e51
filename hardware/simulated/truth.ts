import type { Fault, Faults } from './faults.ts';
import { SENSORS } from './sensors.ts';
import { STEP_S } from './vehicle/parameters.ts';
import type { Lap, Vehicle } from './vehicle/vehicle.ts';

const READERS = new Map(SENSORS.map((sensor) => [sensor.name, sensor.read]));

/** What really happened to a car, for whoever wants to know whether it was taken in right. Times in seconds of simulation. */
export class Truth {
  readonly #car: Vehicle;
  readonly #faults: Faults;
  readonly #again: () => Vehicle;
  #replica: Vehicle | undefined;

  /** @param again makes the same car anew, at its start */
  constructor(car: Vehicle, faults: Faults, again: () => Vehicle) {
    this.#car = car;
    this.#faults = faults;
    this.#again = again;
  }

  /** Laps completed so far, from line to line. */
  get laps(): readonly Lap[] {
    return this.#car.laps;
  }

  /** Every fault that has begun, by chance or on command, and what was lost to it so far. */
  get faults(): readonly Fault[] {
    return this.#faults.struck;
  }

  /**
   * The value a perfect sensor would have shown at `seconds`, in the sensor's unit. The drive is repeated up to that
   * moment, some 2 ms a second of it, so ask in the order of time. Throws for a name that is no sensor's.
   */
  valueAt(sensor: string, seconds: number): number {
    const read = READERS.get(sensor);
    if (read === undefined) throw new RangeError(`the car has no sensor ${sensor}`);
    const steps = Math.floor(seconds / STEP_S + 1e-6);
    if (this.#replica === undefined || this.#replica.steps > steps) this.#replica = this.#again();
    while (this.#replica.steps < steps) this.#replica.step();
    return read(this.#replica);
  }
}
