import type { Random } from '../random.ts';
import { CYLINDERS, ENGINE, GEARBOX, HYBRID, STEP_S, TYRES } from './parameters.ts';

const BOOST_LAG_S = 0.16;
const THROTTLE_LAG_S = 0.03;
/** Absolute manifold pressure closed and at full boost, bar. */
const VACUUM = 0.38;
const FULL_BOOST = 2.35;

export type ShiftState = 'engaged' | 'up' | 'down';

/** Engine, turbocharger, gearbox and the electric motor: from the pedal to the force at the rear wheels. */
export class Powertrain {
  rpm = 5000;
  /** 1 to 7. */
  gear = 3;
  shift: ShiftState = 'engaged';
  /** Throttle flap, 0 to 1. */
  flap = 0.3;
  /** Absolute pressure in the manifold, bar. */
  manifold = 1.1;
  turboRpm = 90_000;
  /** Share of the exhaust that passes the turbine by. */
  wastegate = 0.2;
  /** Of the engine, Nm; negative when it is dragged. */
  torque = 0;
  /** Of the electric motor at the wheels, W; negative when it charges. */
  motorPower = 0;
  /** Energy in the battery, J. */
  charge = 0.6 * HYBRID.energyMax;
  fuel: number = ENGINE.tankKg;
  /** kg/s. */
  fuelFlow = 0;
  /** Fuel burnt since the start, kg. */
  fuelUsed = 0;
  /** Force at the rear wheels, N. */
  force = 0;
  /** Work at the rear wheels since the start, J; what drags the car is subtracted. */
  work = 0;
  /** Torque of each cylinder against the mean, changing from cycle to cycle. */
  readonly combustion = new Float64Array(CYLINDERS).fill(1);
  readonly #evenness = new Float64Array(CYLINDERS);
  readonly #random: Random;
  #shiftLeft = 0;
  #sinceShift = 1;
  #cycle = 0;

  constructor(random: Random) {
    this.#random = random;
    for (let cylinder = 0; cylinder < CYLINDERS; cylinder++) this.#evenness[cylinder] = 1 + 0.012 * random.gaussian();
  }

  /** Force at full throttle in this gear, N. */
  get forceMax(): number {
    return (torqueAt(this.rpm) * this.#ratio * GEARBOX.efficiency) / REAR_RADIUS;
  }

  /** Share of full load. */
  get load(): number {
    return Math.max(0, this.torque) / 660;
  }

  /**
   * @param throttle, brake pedals, 0 to 1
   * @param wheelTurning of the rear axle, rad/s
   * @param tractionMax what the rear tyres can put on the road, N
   * @param speed m/s
   */
  step(throttle: number, brake: number, wheelTurning: number, tractionMax: number, speed: number): void {
    this.#changeGear(throttle, wheelTurning);
    this.#charge(throttle);
    const driven = Math.max(ENGINE.idleRpm, ((wheelTurning * 60) / (2 * Math.PI)) * this.#ratio);
    this.rpm += (driven - this.rpm) * (STEP_S / ENGINE.inertiaLagS);
    const boost = Math.min(1, 0.5 + (0.5 * (this.manifold - VACUUM)) / (FULL_BOOST - VACUUM));
    const cut = this.shift === 'up' || this.rpm > ENGINE.limitRpm ? 0 : 1;
    const dragged = 18 + 0.0065 * this.rpm;
    const given = torqueAt(this.rpm) * this.flap * boost * cut;
    this.torque = given - dragged * (1 - Math.min(1, this.flap * 1.5));
    this.#burn(given);
    this.#motor(throttle, brake, speed);
    const engineForce = this.shift === 'engaged' ? (this.torque * this.#ratio * GEARBOX.efficiency) / REAR_RADIUS : 0;
    this.force = Math.min(tractionMax, engineForce + this.motorPower / Math.max(8, speed));
    this.work += this.force * speed * STEP_S;
  }

  #changeGear(throttle: number, wheelTurning: number): void {
    this.#sinceShift += STEP_S;
    if (this.#shiftLeft > 0) {
      this.#shiftLeft -= STEP_S;
      if (this.#shiftLeft <= 0) this.shift = 'engaged';
      return;
    }
    if (this.#sinceShift < GEARBOX.betweenShiftsS) return;
    const rpm = ((wheelTurning * 60) / (2 * Math.PI)) * this.#ratio;
    if (rpm > GEARBOX.upshiftRpm && throttle > 0.4 && this.gear < GEARBOX.ratios.length) this.#shiftTo(this.gear + 1);
    else if (rpm < GEARBOX.downshiftRpm && this.gear > 1) this.#shiftTo(this.gear - 1);
  }

  #shiftTo(gear: number): void {
    this.shift = gear > this.gear ? 'up' : 'down';
    this.gear = gear;
    this.#shiftLeft = GEARBOX.shiftS;
    this.#sinceShift = 0;
  }

  /** Flap, turbocharger and manifold pressure. */
  #charge(throttle: number): void {
    this.flap += (throttle - this.flap) * (STEP_S / THROTTLE_LAG_S);
    const flow = (this.rpm / ENGINE.limitRpm) * this.flap;
    const target = 42_000 + 98_000 * Math.sqrt(flow);
    this.turboRpm += (target - this.turboRpm) * (STEP_S / (BOOST_LAG_S * 2));
    const spun = Math.min(1, Math.max(0, (this.turboRpm - 42_000) / 82_000));
    this.wastegate = Math.min(1, Math.max(0, (this.turboRpm - 112_000) / 28_000));
    const wanted = VACUUM + (FULL_BOOST - VACUUM) * this.flap * (0.35 + 0.65 * spun);
    this.manifold += (wanted - this.manifold) * (STEP_S / BOOST_LAG_S);
  }

  #burn(torque: number): void {
    const turning = (this.rpm * 2 * Math.PI) / 60;
    this.fuelFlow = (torque * turning) / (ENGINE.efficiency * ENGINE.fuelEnergy) + 0.00012;
    const burnt = Math.min(this.fuel, this.fuelFlow * STEP_S);
    this.fuel -= burnt;
    this.fuelUsed += burnt;
    this.#cycle += (this.rpm / 120) * STEP_S;
    if (this.#cycle < 1) return;
    this.#cycle -= 1;
    for (let cylinder = 0; cylinder < CYLINDERS; cylinder++) {
      this.combustion[cylinder] = (this.#evenness[cylinder] ?? 1) * (1 + 0.03 * this.#random.gaussian());
    }
  }

  /** The electric motor helps out of corners while the battery lasts, and charges on the brakes. */
  #motor(throttle: number, brake: number, speed: number): void {
    const share = this.charge / HYBRID.energyMax;
    const helping = throttle > 0.9 && speed > 18 ? Math.min(1, share * 5) * Math.min(1, (throttle - 0.9) * 12) : 0;
    const charging = brake > 0.03 && speed > 9 ? Math.min(1, (1 - share) * 8) * Math.min(1, brake * 5) : 0;
    const wanted = HYBRID.powerMax * (0.36 * helping - charging);
    this.motorPower += (wanted - this.motorPower) * (STEP_S / 0.04);
    const efficiency = this.motorPower > 0 ? 1 / HYBRID.efficiency : HYBRID.efficiency;
    this.charge = Math.min(HYBRID.energyMax, Math.max(0, this.charge - this.motorPower * efficiency * STEP_S));
  }

  get #ratio(): number {
    return GEARBOX.ratios[this.gear - 1] ?? 1;
  }

  /** A full tank. */
  service(): void {
    this.fuel = ENGINE.tankKg;
  }
}

const REAR_RADIUS = TYRES.radius[2];

/** Full torque, Nm. */
function torqueAt(rpm: number): number {
  const place = Math.min(ENGINE.torque.length - 1.001, Math.max(0, rpm / 1000));
  const index = Math.floor(place);
  const from = ENGINE.torque[index] ?? 0;
  const to = ENGINE.torque[index + 1] ?? 0;
  return from + (to - from) * (place - index);
}
