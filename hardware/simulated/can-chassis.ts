import { analog, type CanMessage, floating, onPage, perWheel, signed, state } from './can-table.ts';
import { AIR_DENSITY, BODY, GRAVITY, TYRES, WHEELS } from './vehicle/parameters.ts';
import type { Vehicle } from './vehicle/vehicle.ts';

const DEGREES = 180 / Math.PI;
/** Turns of the steering wheel for one of the front wheels. */
const STEERING_RATIO = 11.5;
/** Ride height at rest, mm. */
const RIDE_HEIGHT = [58, 58, 74, 74];

const INTEL = { byteOrder: 'intel', multiplexer: undefined } as const;
const MOTOROLA = { byteOrder: 'motorola', multiplexer: undefined } as const;

function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0;
}

/** Dynamic pressure of the air stream, Pa. */
function dynamicPressure(car: Vehicle): number {
  const wind =
    car.ambient.windSpeed * Math.cos(car.track.headingAt(car.distance) + car.ambient.windDirection / DEGREES);
  return 0.5 * AIR_DENSITY * Math.max(0, car.speed + 0.6 * wind) ** 2;
}

function rideHeight(car: Vehicle, wheel: number): number {
  return at(RIDE_HEIGHT, wheel) - 1.22 * at(car.suspension.damper, wheel);
}

/** Chassis bus: what the wheels, springs, brakes and the driver's hands do. */
export const CHASSIS_MESSAGES: readonly CanMessage[] = [
  {
    ...INTEL,
    name: 'ImuLinear',
    id: 0x088,
    rateHz: 500,
    node: 'Imu',
    signals: [
      signed('AccelLong', 'g', 16, 0.00025, (car) => car.acceleration / GRAVITY + car.slope, 0.018),
      signed('AccelLat', 'g', 16, 0.00025, (car) => car.lateral / GRAVITY, 0.016),
      signed('AccelVert', 'g', 16, 0.00025, (car) => 1 + car.vertical / GRAVITY + 0.1 * meanUpright(car), 0.03),
      signed('YawRate', 'deg/s', 16, 0.005, (car) => car.yawRate * DEGREES, 0.09),
    ],
  },
  {
    ...INTEL,
    name: 'ImuAngular',
    id: 0x08c,
    rateHz: 200,
    node: 'Imu',
    signals: [
      signed('RollRate', 'deg/s', 16, 0.005, (car) => car.suspension.rollRate * DEGREES, 0.12),
      signed('PitchRate', 'deg/s', 16, 0.005, (car) => car.suspension.pitchRate * DEGREES, 0.12),
      signed('YawAccel', 'deg/s2', 16, 0.1, (car) => car.yawAcceleration * DEGREES, 4),
      signed('SideslipAngle', 'deg', 16, 0.001, (car) => car.sideslip * DEGREES, 0.06),
    ],
  },
  {
    ...MOTOROLA,
    name: 'WheelSpeed',
    id: 0x090,
    rateHz: 200,
    node: 'WheelHub',
    signals: perWheel((wheel, i) =>
      analog(
        `WheelSpeed${wheel}`,
        'km/h',
        16,
        0.01,
        0,
        (car) => at(car.tyres.turning, i) * at(TYRES.radius, i) * 3.6,
        0.045,
      ),
    ),
  },
  {
    ...INTEL,
    name: 'DamperTravel',
    id: 0x0a0,
    rateHz: 500,
    node: 'Suspension',
    signals: perWheel((wheel, i) =>
      signed(`DamperTravel${wheel}`, 'mm', 16, 0.0025, (car) => at(car.suspension.damper, i), 0.012),
    ),
  },
  {
    ...INTEL,
    name: 'UprightAccel',
    id: 0x0a4,
    rateHz: 500,
    node: 'Suspension',
    signals: perWheel((wheel, i) =>
      signed(`UprightAccel${wheel}`, 'g', 16, 0.002, (car) => at(car.suspension.upright, i), 0.05),
    ),
  },
  {
    ...MOTOROLA,
    name: 'PushrodLoad',
    id: 0x0a8,
    rateHz: 200,
    node: 'Suspension',
    signals: perWheel((wheel, i) =>
      signed(`PushrodLoad${wheel}`, 'N', 16, 0.5, (car) => 1.18 * at(car.suspension.load, i), 6),
    ),
  },
  {
    ...INTEL,
    name: 'RideHeight',
    id: 0x0b0,
    rateHz: 200,
    node: 'Suspension',
    signals: [
      ...perWheel((wheel, i) => analog(`RideHeight${wheel}`, 'mm', 12, 0.05, -50, (car) => rideHeight(car, i), 0.12)),
      analog('HeaveFront', 'mm', 8, 0.5, -30, (car) => car.suspension.heave('front'), 0.4),
      analog('HeaveRear', 'mm', 8, 0.5, -30, (car) => car.suspension.heave('rear'), 0.4),
    ],
  },
  {
    ...INTEL,
    name: 'Steering',
    id: 0x0b8,
    rateHz: 100,
    node: 'SteeringColumn',
    signals: [
      floating('SteeringAngle', 'deg', (car) => car.steer * STEERING_RATIO * DEGREES, 0.04),
      signed('SteeringTorque', 'Nm', 12, 0.02, (car) => 0.42 * car.lateral + 900 * car.driver.correction, 0.06),
      signed('SteeringRate', 'deg/s', 16, 0.1, (car) => car.steerRate * STEERING_RATIO * DEGREES, 0.6),
    ],
  },
  {
    ...MOTOROLA,
    name: 'Brake',
    id: 0x0c0,
    rateHz: 200,
    node: 'BrakeUnit',
    signals: [
      analog('BrakePressFront', 'bar', 16, 0.005, -5, (car) => car.brakes.frontPressure, 0.03),
      analog('BrakePressRear', 'bar', 16, 0.005, -5, (car) => car.brakes.rearPressure, 0.03),
      analog('BrakePedalTravel', '%', 10, 0.125, -5, (car) => 100 * car.driver.brake ** 0.7, 0.12),
      analog('BrakePedalForce', 'N', 12, 0.5, -50, (car) => 1150 * car.driver.brake, 1.6),
      analog('BrakeBias', '%', 10, 0.1, 0, (car) => biasOf(car), 0.12),
    ],
  },
  {
    ...INTEL,
    name: 'BrakeDiscTemp',
    id: 0x1a0,
    rateHz: 100,
    node: 'BrakeUnit',
    signals: perWheel((wheel, i) =>
      analog(`BrakeDiscTemp${wheel}`, 'degC', 12, 0.3, -20, (car) => at(car.brakes.discTemperature, i), 0.8),
    ),
  },
  {
    ...INTEL,
    name: 'BrakeCaliperTemp',
    id: 0x1a4,
    rateHz: 10,
    node: 'BrakeUnit',
    signals: perWheel((wheel, i) =>
      analog(`BrakeCaliperTemp${wheel}`, 'degC', 12, 0.1, -20, (car) => at(car.brakes.caliperTemperature, i), 0.15),
    ),
  },
  {
    ...INTEL,
    name: 'TyrePressure',
    id: 0x1b0,
    rateHz: 10,
    node: 'TyreMonitor',
    signals: perWheel((wheel, i) =>
      analog(`TyrePressure${wheel}`, 'bar', 12, 0.001, 0, (car) => car.tyres.pressure(i), 0.0015),
    ),
  },
  {
    byteOrder: 'intel',
    name: 'TyreMonitor',
    id: 0x1b4,
    rateHz: 8,
    node: 'TyreMonitor',
    multiplexer: { name: 'TyreMonitorWheel', bits: 4, pages: 4 },
    signals: WHEELS.flatMap((wheel, i) =>
      onPage(i, [
        analog(`TyreGasTemp${wheel}`, 'degC', 10, 0.2, -20, (car) => at(car.tyres.gas, i), 0.2),
        analog(`TyreSensorBattery${wheel}`, 'V', 8, 0.01, 1.5, (car) => 3.02 - 1e-6 * car.time - 0.02 * i, 0.006),
        signed(`TyreSensorSignal${wheel}`, 'dBm', 8, 1, (car) => -62 - 6 * Math.sin(car.travelled + i), 2.5),
      ]),
    ),
  },
  {
    ...MOTOROLA,
    name: 'AeroPressure',
    id: 0x0d0,
    rateHz: 100,
    node: 'AeroScanner',
    signals: [
      signed('PitotPressure', 'Pa', 12, 4, (car) => dynamicPressure(car), 6),
      signed('FloorPressureFront', 'Pa', 12, 4, (car) => -1.1 * groundEffect(car, 0) * dynamicPressure(car), 9),
      signed('FloorPressureMid', 'Pa', 12, 4, (car) => -0.8 * groundEffect(car, 1) * dynamicPressure(car), 9),
      signed('FloorPressureRear', 'Pa', 12, 4, (car) => -0.5 * groundEffect(car, 2) * dynamicPressure(car), 9),
      signed('WingPressure', 'Pa', 12, 4, (car) => -0.95 * dynamicPressure(car), 12),
    ],
  },
  {
    ...INTEL,
    name: 'DriverControls',
    id: 0x1c0,
    rateHz: 20,
    node: 'SteeringWheel',
    signals: [
      state('TractionMap', 4, (car) => 4 + (car.lap % 3)),
      state('TractionControlActive', 1, (car) => (at(car.tyres.slip, 2) > 0.06 ? 1 : 0), { 0: 'Idle', 1: 'Active' }),
      state('PitLimiter', 1, () => 0, { 0: 'Off', 1: 'On' }),
      state('BrakeLight', 1, (car) => (car.driver.brake > 0.02 ? 1 : 0), { 0: 'Off', 1: 'On' }),
      state('HybridMode', 3, hybridMode, { 0: 'Off', 1: 'Balanced', 2: 'Deploy', 3: 'Harvest' }),
    ],
  },
  {
    ...INTEL,
    name: 'LapInfo',
    id: 0x0d8,
    rateHz: 100,
    node: 'Logger',
    signals: [
      state('LapNumber', 12, (car) => car.lap),
      state('Sector', 4, (car) => car.track.sectorAt(car.distance), { 1: 'S1', 2: 'S2', 3: 'S3' }),
      analog('LapDistance', 'm', 16, 0.1, 0, (car) => car.distance, 0),
      analog('LapTime', 's', 20, 0.001, 0, (car) => car.lapTime, 0),
    ],
  },
];

function meanUpright(car: Vehicle): number {
  const { upright } = car.suspension;
  return (at(upright, 0) + at(upright, 1) + at(upright, 2) + at(upright, 3)) / 4;
}

/** Share of the front in the brake force, %; with the pedal up, where the bias bar stands. */
function biasOf(car: Vehicle): number {
  const { force } = car.brakes;
  const front = at(force, 0) + at(force, 1);
  const total = front + at(force, 2) + at(force, 3);
  return total < 200 ? 64 : (100 * front) / total;
}

/** The floor works harder the nearer it is to the road. */
function groundEffect(car: Vehicle, place: number): number {
  const rise = place === 0 ? rideHeight(car, 0) : place === 1 ? rideHeight(car, 1) : rideHeight(car, 2);
  return 1.6 - rise / 110 - 0.35 * Math.abs(car.sideslip) * BODY.wheelbase;
}

function hybridMode(car: Vehicle): number {
  const power = car.powertrain.motorPower;
  if (power > 2000) return 2;
  return power < -2000 ? 3 : 1;
}
