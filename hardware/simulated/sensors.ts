import { type CanSignal, rangeOf } from './can-table.ts';
import { CAN_BUSES, CAN_MESSAGES } from './dbc.ts';
import { courseOf, GNSS_DOP, GNSS_RATE_HZ, GNSS_SATELLITES } from './gnss.ts';
import { CAMERA_CHANNELS, CAMERA_GAIN, CAMERA_NOISE, CAMERA_RATE_HZ } from './tyre-camera.ts';
import { TYRE_ZONES, WHEELS } from './vehicle/parameters.ts';
import type { Vehicle } from './vehicle/vehicle.ts';
import { WEATHER_FIELDS } from './weather-station.ts';

/** The group a sensor belongs to: what its samples come in with. */
export const SENSOR_GROUPS = ['powertrain', 'chassis', 'gnss', 'tyres', 'ambient'] as const;
export type SensorGroup = (typeof SENSOR_GROUPS)[number];

/** A sensor of the car, however it is wired. */
export interface Sensor {
  /** `group/name`: `powertrain/EngineSpeed`, `tyres/fl/zone01`. */
  readonly name: string;
  readonly group: SensorGroup;
  readonly unit: string;
  readonly rateHz: number;
  readonly least: number;
  readonly greatest: number;
  /** Smallest difference its number can show; 0 for a float. */
  readonly step: number;
  /** Standard deviation of its noise, in its unit; 0 for states and counters. */
  readonly noise: number;
  readonly labels: Readonly<Record<number, string>> | undefined;
  /** The true value. */
  readonly read: (car: Vehicle) => number;
}

/** Every sensor of a car: {@link SENSORS} is the table that wires, descriptions and truth are made from. */
export const SENSORS: readonly Sensor[] = [...canSensors(), ...gnssSensors(), ...tyreSensors(), ...weatherSensors()];

function canSensors(): Sensor[] {
  return CAN_BUSES.flatMap((bus) =>
    CAN_MESSAGES[bus].flatMap((message) =>
      message.signals.map((signal) => canSensor(bus, signal, message.rateHz / pagesOf(message.multiplexer, signal))),
    ),
  );
}

function pagesOf(multiplexer: { readonly pages: number } | undefined, signal: CanSignal): number {
  return signal.page === undefined ? 1 : (multiplexer?.pages ?? 1);
}

function canSensor(group: SensorGroup, signal: CanSignal, rateHz: number): Sensor {
  const { name, unit, noise, labels, read } = signal;
  const step = signal.float ? 0 : signal.gain;
  return { name: `${group}/${name}`, group, unit, rateHz, ...rangeOf(signal), step, noise, labels, read };
}

function gnssSensors(): Sensor[] {
  const make = (
    name: string,
    unit: string,
    [least, greatest, step, noise]: readonly [number, number, number, number],
    read: (car: Vehicle) => number,
    rateHz = GNSS_RATE_HZ,
  ): Sensor => ({
    name: `gnss/${name}`,
    group: 'gnss',
    unit,
    rateHz,
    least,
    greatest,
    step,
    noise,
    labels: undefined,
    read,
  });
  return [
    make('latitude', 'deg', [-90, 90, 1 / 6e6, 2e-6], (car) =>
      car.track.latitudeAt(car.track.northAt(car.distance, car.driver.offset)),
    ),
    make('longitude', 'deg', [-180, 180, 1 / 6e6, 2.8e-6], (car) =>
      car.track.longitudeAt(car.track.eastAt(car.distance, car.driver.offset)),
    ),
    make(
      'altitude',
      'm',
      [-100, 9000, 0.01, 0.4],
      (car) => car.track.circuit.altitude + car.track.heightAt(car.distance),
    ),
    make('speed', 'km/h', [0, 500, 0.001, 0.09], (car) => 3.6 * car.speed),
    make('course', 'deg', [0, 360, 0.01, 0.12], courseOf),
    make('quality', '', [0, 8, 1, 0], () => 1),
    make('satellites', '', [0, 40, 1, 0], () => GNSS_SATELLITES),
    make('hdop', '', [0, 99.99, 0.01, 0], () => GNSS_DOP.hdop),
    make('pdop', '', [0, 99.99, 0.01, 0], () => GNSS_DOP.pdop, 1),
    make('vdop', '', [0, 99.99, 0.01, 0], () => GNSS_DOP.vdop, 1),
  ];
}

function tyreSensors(): Sensor[] {
  return WHEELS.flatMap((wheel, index) =>
    CAMERA_CHANNELS.map((channel, zone) => ({
      name: `tyres/${wheel.toLowerCase()}/${channel}`,
      group: 'tyres' as const,
      unit: 'degC',
      rateHz: CAMERA_RATE_HZ,
      least: -3276.7,
      greatest: 3276.7,
      step: CAMERA_GAIN,
      noise: CAMERA_NOISE,
      labels: undefined,
      read: (car: Vehicle) => car.tyres.surface[index * TYRE_ZONES + zone] ?? 0,
    })),
  );
}

function weatherSensors(): Sensor[] {
  return WEATHER_FIELDS.map(({ name, unit, step, noise, least, greatest, read }) => {
    return {
      name: `ambient/${name}`,
      group: 'ambient' as const,
      unit,
      rateHz: 1,
      least,
      greatest,
      step,
      noise,
      labels: undefined,
      read,
    };
  });
}
