import { analog, type CanMessage, each, onPage, signed, state } from './can-table.ts';
import { CONSUMERS } from './vehicle/electrics.ts';
import { CYLINDERS, ENGINE, GEARBOX, HYBRID } from './vehicle/parameters.ts';
import type { Vehicle } from './vehicle/vehicle.ts';

const INTEL = { byteOrder: 'intel', multiplexer: undefined } as const;
const MOTOROLA = { byteOrder: 'motorola', multiplexer: undefined } as const;
const CONSUMERS_A_PAGE = 4;

function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0;
}

/** Powertrain bus: engine, gearbox, electric motor and the power box. */
export const POWERTRAIN_MESSAGES: readonly CanMessage[] = [
  {
    ...INTEL,
    name: 'Engine',
    id: 0x080,
    rateHz: 200,
    node: 'Ecu',
    signals: [
      analog('EngineSpeed', 'rpm', 16, 0.25, 0, (car) => car.powertrain.rpm, 7),
      analog('ThrottlePedal', '%', 10, 0.125, -10, (car) => 100 * car.driver.throttle, 0.15),
      analog('ThrottleFlap', '%', 10, 0.125, -10, (car) => 100 * car.powertrain.flap, 0.18),
      analog('ManifoldPressure', 'bar', 12, 0.001, 0, (car) => car.powertrain.manifold, 0.006),
      signed('EngineTorque', 'Nm', 16, 0.1, (car) => car.powertrain.torque, 2.2),
    ],
  },
  {
    ...MOTOROLA,
    name: 'Knock',
    id: 0x084,
    rateHz: 200,
    node: 'Ecu',
    signals: each(CYLINDERS, (number, i) =>
      analog(
        `Knock${number}`,
        'mV',
        10,
        2,
        0,
        (car) => (140 + 620 * car.powertrain.load) * combustion(car, i) ** 3,
        26,
      ),
    ),
  },
  {
    ...INTEL,
    name: 'IgnitionAngle',
    id: 0x088,
    rateHz: 200,
    node: 'Ecu',
    signals: each(CYLINDERS, (number, i) =>
      analog(`IgnitionAngle${number}`, 'deg', 10, 0.1, -20, (car) => ignitionAngle(car, i), 0.12),
    ),
  },
  {
    ...INTEL,
    name: 'InjectionTime',
    id: 0x08c,
    rateHz: 200,
    node: 'Ecu',
    signals: each(CYLINDERS, (number, i) =>
      analog(`InjectionTime${number}`, 'ms', 10, 0.01, 0, (car) => injectionTime(car, i), 0.013),
    ),
  },
  {
    ...INTEL,
    name: 'CylinderPressure',
    id: 0x090,
    rateHz: 200,
    node: 'CombustionAnalyser',
    signals: each(CYLINDERS, (number, i) =>
      analog(
        `CylinderPressure${number}`,
        'bar',
        10,
        0.2,
        0,
        (car) => (16 + 112 * car.powertrain.load) * combustion(car, i),
        0.4,
      ),
    ),
  },
  {
    ...MOTOROLA,
    name: 'Gearbox',
    id: 0x098,
    rateHz: 100,
    node: 'GearboxUnit',
    signals: [
      state('Gear', 4, (car) => car.powertrain.gear, {
        0: 'N',
        1: '1st',
        2: '2nd',
        3: '3rd',
        4: '4th',
        5: '5th',
        6: '6th',
        7: '7th',
        15: 'R',
      }),
      state('ShiftState', 2, shiftState, { 0: 'Engaged', 1: 'Upshift', 2: 'Downshift', 3: 'Fault' }),
      analog('GearBarrelAngle', 'deg', 12, 0.1, 0, (car) => 20 + 45 * car.powertrain.gear, 0.15),
      analog('ClutchPressure', 'bar', 12, 0.01, 0, (car) => (car.powertrain.shift === 'engaged' ? 0.3 : 21), 0.03),
      analog('GearboxOilPressure', 'bar', 12, 0.002, 0, (car) => car.fluids.gearboxPressure, 0.02),
      analog('GearboxInputSpeed', 'rpm', 16, 0.25, 0, (car) => inputSpeed(car), 5),
    ],
  },
  {
    ...INTEL,
    name: 'Lambda',
    id: 0x0a0,
    rateHz: 100,
    node: 'Ecu',
    signals: [
      analog('LambdaLeft', '', 12, 0.0005, 0, (car) => lambda(car, 0), 0.004),
      analog('LambdaRight', '', 12, 0.0005, 0, (car) => lambda(car, 1), 0.004),
      signed('FuelTrimLeft', '%', 10, 0.1, (car) => 100 * (1 - lambda(car, 0) / 0.93), 0.12),
      signed('FuelTrimRight', '%', 10, 0.1, (car) => 100 * (1 - lambda(car, 1) / 0.93), 0.12),
      analog('ExhaustPressure', 'bar', 12, 0.001, 0, (car) => 1.05 + 1.35 * car.powertrain.load, 0.012),
    ],
  },
  {
    ...INTEL,
    name: 'Turbo',
    id: 0x0a8,
    rateHz: 100,
    node: 'Ecu',
    signals: [
      analog('TurboSpeed', 'rpm', 16, 2.5, 0, (car) => car.powertrain.turboRpm, 90),
      analog('Wastegate', '%', 10, 0.125, -10, (car) => 100 * car.powertrain.wastegate, 0.2),
      analog('BoostTarget', 'bar', 12, 0.001, 0, (car) => 0.95 + 1.4 * car.driver.throttle, 0.002),
      analog('CompressorPressure', 'bar', 12, 0.001, 0, (car) => 0.1 + Math.max(1, car.powertrain.manifold), 0.008),
    ],
  },
  {
    ...MOTOROLA,
    name: 'FluidPressure',
    id: 0x0b0,
    rateHz: 100,
    node: 'Ecu',
    signals: [
      analog('OilPressure', 'bar', 12, 0.0025, 0, (car) => car.fluids.oilPressure, 0.03),
      analog('ScavengePressure', 'bar', 12, 0.0025, 0, (car) => car.fluids.scavengePressure, 0.03),
      signed('CrankcasePressure', 'bar', 12, 0.0005, (car) => car.fluids.crankcasePressure, 0.006),
      analog('WaterPressure', 'bar', 12, 0.001, 0, (car) => car.fluids.waterPressure, 0.008),
      analog('FuelPressure', 'bar', 12, 0.0025, 0, (car) => car.fluids.fuelPressure, 0.03),
    ],
  },
  {
    ...INTEL,
    name: 'Fuel',
    id: 0x0b8,
    rateHz: 50,
    node: 'Ecu',
    signals: [
      analog('FuelFlow', 'g/s', 16, 0.001, -1, (car) => 1000 * car.powertrain.fuelFlow, 0.06),
      analog('FuelRailPressure', 'bar', 12, 0.1, 0, (car) => car.fluids.railPressure, 0.9),
      analog('FuelLevel', 'kg', 12, 0.02, 0, (car) => car.powertrain.fuel + 0.02 * car.lateral, 0.05),
      analog('FuelUsed', 'kg', 16, 0.001, 0, (car) => car.powertrain.fuelUsed % 65, 0),
    ],
  },
  {
    ...INTEL,
    name: 'HybridPower',
    id: 0x0c0,
    rateHz: 100,
    node: 'HybridUnit',
    signals: [
      analog('PackVoltage', 'V', 16, 0.01, 0, (car) => car.electrics.packVoltage, 0.12),
      signed('PackCurrent', 'A', 16, 0.02, (car) => car.electrics.packCurrent, 0.35),
      signed('MotorTorque', 'Nm', 16, 0.01, (car) => motorTorque(car), 0.4),
      analog('MotorSpeed', 'rpm', 16, 0.5, 0, (car) => 9.5493 * rearTurning(car) * HYBRID.ratio, 3),
    ],
  },
  {
    ...MOTOROLA,
    name: 'ExhaustTemp',
    id: 0x120,
    rateHz: 50,
    node: 'Ecu',
    signals: each(CYLINDERS, (number, i) =>
      analog(`ExhaustTemp${number}`, 'degC', 10, 1.25, 0, (car) => at(car.fluids.exhaustTemperature, i), 2),
    ),
  },
  {
    ...INTEL,
    name: 'AirTemp',
    id: 0x180,
    rateHz: 25,
    node: 'Ecu',
    signals: [
      analog('IntakeTemp', 'degC', 10, 0.1, -20, (car) => car.fluids.intakeTemperature, 0.12),
      analog('CompressorTemp', 'degC', 12, 0.1, -20, (car) => car.fluids.compressorTemperature, 0.25),
      analog('ChargeAirTemp', 'degC', 10, 0.1, -20, (car) => car.fluids.chargeAirTemperature, 0.15),
      analog('TurbineTemp', 'degC', 12, 0.3, 0, (car) => car.fluids.turbineTemperature, 0.8),
      analog('EngineBayTemp', 'degC', 10, 0.2, -20, (car) => car.fluids.engineBayTemperature, 0.25),
    ],
  },
  {
    ...MOTOROLA,
    name: 'FluidTemp',
    id: 0x188,
    rateHz: 10,
    node: 'Ecu',
    signals: [
      analog('OilTemp', 'degC', 12, 0.05, -20, (car) => car.fluids.oilTemperature, 0.09),
      analog('WaterTemp', 'degC', 12, 0.05, -20, (car) => car.fluids.waterTemperature, 0.09),
      analog('FuelTemp', 'degC', 12, 0.05, -20, (car) => car.fluids.fuelTemperature, 0.08),
      analog('GearboxOilTemp', 'degC', 12, 0.05, -20, (car) => car.fluids.gearboxTemperature, 0.09),
      analog('DifferentialTemp', 'degC', 12, 0.05, -20, (car) => car.fluids.differentialTemperature, 0.09),
    ],
  },
  {
    ...INTEL,
    name: 'Electrics',
    id: 0x190,
    rateHz: 20,
    node: 'PowerBox',
    signals: [
      analog('BatteryVoltage', 'V', 12, 0.005, 0, (car) => car.electrics.voltage, 0.02),
      analog('AlternatorCurrent', 'A', 12, 0.05, 0, (car) => car.electrics.alternatorCurrent, 0.3),
      analog('PowerBoxTemp', 'degC', 8, 0.5, -20, (car) => 0.62 * car.fluids.engineBayTemperature + 9, 0.4),
    ],
  },
  {
    byteOrder: 'intel',
    name: 'PowerBox',
    id: 0x194,
    rateHz: 50,
    node: 'PowerBox',
    multiplexer: { name: 'PowerBoxPage', bits: 4, pages: CONSUMERS / CONSUMERS_A_PAGE },
    signals: each(CONSUMERS, (number, i) =>
      analog(`ConsumerCurrent${number}`, 'A', 12, 0.01, -0.5, (car) => at(car.electrics.currents, i), 0.04),
    ).flatMap((signal, i) => onPage(Math.floor(i / CONSUMERS_A_PAGE), [signal])),
  },
  {
    ...INTEL,
    name: 'HybridState',
    id: 0x198,
    rateHz: 10,
    node: 'HybridUnit',
    signals: [
      analog('StateOfCharge', '%', 10, 0.1, 0, (car) => (100 * car.powertrain.charge) / HYBRID.energyMax, 0.1),
      analog('CellVoltageLow', 'V', 12, 0.001, 1, (car) => car.electrics.cellLow, 0.0015),
      analog('CellVoltageHigh', 'V', 12, 0.001, 1, (car) => car.electrics.cellHigh, 0.0015),
      analog('PackTemp', 'degC', 10, 0.1, -20, (car) => car.electrics.packTemperature, 0.12),
      analog('InverterTemp', 'degC', 10, 0.1, -20, (car) => car.electrics.inverterTemperature, 0.12),
      analog('MotorTemp', 'degC', 10, 0.2, -20, (car) => car.electrics.motorTemperature, 0.2),
    ],
  },
];

function combustion(car: Vehicle, cylinder: number): number {
  return at(car.powertrain.combustion, cylinder);
}

/** Before top dead centre; retarded under load and when a cylinder burns too fast. */
function ignitionAngle(car: Vehicle, cylinder: number): number {
  const { rpm, load } = car.powertrain;
  return 14 + 0.0024 * rpm - 17 * load - 30 * Math.max(0, combustion(car, cylinder) - 1.02);
}

function injectionTime(car: Vehicle, cylinder: number): number {
  const { fuelFlow, rpm } = car.powertrain;
  const gramsACycle = (1000 * fuelFlow * 120) / (rpm * CYLINDERS);
  return 0.35 + 62 * gramsACycle * (2 - combustion(car, cylinder));
}

/** Rich under load, lean when the injection is cut. */
function lambda(car: Vehicle, bank: number): number {
  const rich = 0.93 - 0.05 * car.powertrain.load + (car.powertrain.flap < 0.03 ? 0.4 : 0);
  return rich * (1 + 0.5 * (1 - combustion(car, bank * 3)));
}

function shiftState(car: Vehicle): number {
  const { shift } = car.powertrain;
  return shift === 'engaged' ? 0 : shift === 'up' ? 1 : 2;
}

function rearTurning(car: Vehicle): number {
  return (at(car.tyres.turning, 2) + at(car.tyres.turning, 3)) / 2;
}

function inputSpeed(car: Vehicle): number {
  const ratio = at(GEARBOX.ratios, car.powertrain.gear - 1);
  return Math.min(1.05 * ENGINE.limitRpm, 9.5493 * rearTurning(car) * ratio);
}

function motorTorque(car: Vehicle): number {
  return car.powertrain.motorPower / Math.max(60, rearTurning(car) * HYBRID.ratio);
}
