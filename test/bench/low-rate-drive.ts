import type { ChannelSpec } from '../../gateway/channel.ts';
import { SimulatedCar } from '../../hardware/simulated/car.ts';
import { Random } from '../../hardware/simulated/random.ts';
import { SENSOR_GROUPS, SENSORS } from '../../hardware/simulated/sensors.ts';
import { ColumnIntake } from './column-intake.ts';
import type { Drive } from './drive.ts';

/** UTC at which the simulation begins, microseconds. */
const START_US = 1_779_022_800e6;

/** A poll is late by up to so many microseconds, as that of software with other work. */
const LATE_US = 4000;

const NO_SINKS = { frame: () => {}, sentence: () => {}, message: () => {} };

/**
 * Every sensor of simulated cars, 250 a car, asked once a second: what a slow bus or a plant's poller gives. The sensors of
 * one group are one poll and have one time; values have the sensors' own noise and digits.
 */
export function pollSlowly(cars: number, seconds: number): Drive {
  const intake = new ColumnIntake();
  const polls = Array.from({ length: cars }, (_, n) => pollsOf(n + 1, intake)).flat();
  for (let second = 1; second <= seconds; second += 1) {
    for (const poll of polls) poll(second);
  }
  return intake.drive('low-rate');
}

function pollsOf(number: number, intake: ColumnIntake): ((second: number) => void)[] {
  const car = new SimulatedCar({ seed: 1, number, faults: false }, NO_SINKS);
  const random = new Random(number);
  return SENSOR_GROUPS.map((group) => {
    const sensors = SENSORS.filter((sensor) => sensor.group === group).map((sensor) => {
      const { name, unit, step } = sensor;
      const spec: ChannelSpec = { name: `${car.name}/${name}`, source: car.name, unit, stamp: 'device', rateHz: 1 };
      const scaled = step > 0 ? { ...spec, scale: { gain: step, offset: 0 } } : spec;
      return { ...sensor, id: intake.channel(scaled).id };
    });
    return (second) => {
      const time = START_US + second * 1e6 + Math.floor(LATE_US * random.unit());
      for (const { id, name, step, noise, least, greatest } of sensors) {
        const measured = car.truth.valueAt(name, second) + noise * random.gaussian();
        const value = Math.min(greatest, Math.max(least, measured));
        intake.push(id, time, step > 0 ? Math.round(value / step) * step : Math.fround(value));
      }
    };
  });
}
