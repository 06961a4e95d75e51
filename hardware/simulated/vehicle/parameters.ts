/*
 * The simulated car: a closed sports prototype with a turbocharged V6 at the rear wheels and an electric motor on the
 * same axle. SI units throughout; temperatures in degrees Celsius. Wheels are ordered front left, front right, rear
 * left, rear right, and so is every array of four.
 */

export const GRAVITY = 9.80665;
export const AIR_DENSITY = 1.18;
export const AIR_TEMPERATURE = 22;

/** Duration of a physics step, seconds. */
export const STEP_S = 0.001;
/** Physics steps between two steps of what changes slowly: heat, fluids, charge. */
export const SLOW_EVERY = 10;

export const WHEELS = ['FL', 'FR', 'RL', 'RR'] as const;
export const CYLINDERS = 6;
/** Infrared zones across a tyre's tread, from the inner shoulder to the outer. */
export const TYRE_ZONES = 16;

export const BODY = {
  /** Without fuel, with driver, kg. */
  mass: 1010,
  wheelbase: 2.95,
  track: 1.64,
  centreOfGravityHeight: 0.34,
  /** Share of the weight on the front axle. */
  frontShare: 0.47,
  /** Drag and lift coefficients times frontal area, m^2. */
  dragArea: 0.88,
  downforceArea: 3.1,
  downforceFrontShare: 0.45,
  rollingResistance: 0.012,
  /** Sum over the four tyres, N/rad. */
  corneringStiffness: 380_000,
} as const;

export const TYRES = {
  /** Friction coefficient at the best temperature. */
  grip: 1.66,
  bestTemperature: 92,
  radius: [0.333, 0.333, 0.347, 0.347],
  /** Slip at the limit of adhesion. */
  slipAtLimit: 0.085,
  /** Slip angle at the limit of adhesion, radians. */
  slipAngleAtLimit: 0.105,
  stiffness: 265_000,
  /** Gauge pressure at 20 degrees, bar. */
  coldPressure: [1.42, 1.42, 1.38, 1.38],
  camber: [-0.048, -0.048, -0.03, -0.03],
} as const;

export const SUSPENSION = {
  /** Of the wheel, N/m. */
  wheelRate: [92_000, 92_000, 98_000, 98_000],
  /** Damper travel per wheel travel. */
  motionRatio: [0.82, 0.82, 0.78, 0.78],
  /** Share of the roll moment taken by the front axle. */
  frontRollShare: 0.52,
  rideHz: 3.9,
  rideDamping: 0.55,
  hopHz: 17.5,
  hopDamping: 0.16,
} as const;

export const BRAKES = {
  frontShare: 0.65,
  /** Force of all four at full pedal and best temperature, N. */
  forceMax: 34_000,
  pressureMax: [92, 64],
  /** Of one disc, J/K. */
  heatCapacity: [2350, 1900],
  bestTemperature: 520,
} as const;

export const ENGINE = {
  idleRpm: 1900,
  limitRpm: 8350,
  inertiaLagS: 0.012,
  /** J/kg. */
  fuelEnergy: 42.6e6,
  efficiency: 0.385,
  tankKg: 58,
  /** Full torque by rpm from 0 in steps of 1000, Nm. */
  torque: [160, 285, 405, 505, 580, 630, 660, 645, 585, 430],
} as const;

export const GEARBOX = {
  /** Engine turns per turn of the rear wheels, by gear from 1. */
  ratios: [13.0, 10.1, 8.0, 6.45, 5.25, 4.3, 3.6],
  upshiftRpm: 7950,
  downshiftRpm: 5650,
  shiftS: 0.045,
  betweenShiftsS: 0.09,
  efficiency: 0.95,
} as const;

export const HYBRID = {
  /** Of the motor on the rear axle, W. */
  powerMax: 110_000,
  energyMax: 3.6e6,
  /** Motor turns per turn of the rear wheels. */
  ratio: 7.2,
  efficiency: 0.92,
} as const;
