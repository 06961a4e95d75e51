import type { Random } from '../random.ts';
import { gripForce } from '../speed-limit.ts';
import type { Track } from '../track.ts';
import { Ambient } from './ambient.ts';
import { Brakes } from './brakes.ts';
import { Driver } from './driver.ts';
import { Electrics } from './electrics.ts';
import { Fluids } from './fluids.ts';
import { AIR_DENSITY, BODY, GRAVITY, SLOW_EVERY, STEP_S, TYRES } from './parameters.ts';
import { Powertrain } from './powertrain.ts';
import { Suspension } from './suspension.ts';
import { Tyres } from './tyres.ts';

/** Where the car starts rolling, metres before the line, and how fast at most, m/s. */
const RUN_UP_M = 480;
const START_SPEED = 48;
const YAW_LAG_S = 0.05;
/** With less fuel than this at the line, kg, the car is refuelled and gets new tyres and pads, without losing time. */
const SERVICE_FUEL_KG = 5;

/** Laps that are remembered; older ones are forgotten first. */
const LAPS_MAX = 4096;

/** A completed lap from line to line; times in seconds of simulation. */
export interface Lap {
  /** From 1; the run-up before the first crossing is not a lap. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** Time in each sector; they add up to the lap. */
  readonly sectors: readonly number[];
}

/**
 * The car on its track, in steps of {@link STEP_S}. A point mass follows the driver's line; loads, slips and heat come
 * out of how it is driven. The same random numbers give the same drive, to the last bit.
 */
export class Vehicle {
  readonly track: Track;
  readonly driver: Driver;
  readonly powertrain: Powertrain;
  readonly brakes = new Brakes();
  readonly suspension: Suspension;
  readonly tyres: Tyres;
  readonly fluids: Fluids;
  readonly electrics: Electrics;
  readonly ambient: Ambient;
  /** Steps done. */
  steps = 0;
  /** Metres around the lap. */
  distance: number;
  /** Metres since the start. */
  travelled = 0;
  /** m/s along the road. */
  speed: number;
  /** m/s^2 along the road: change of speed. */
  acceleration = 0;
  /** m/s^2, to the left. */
  lateral = 0;
  /** Vertical acceleration that the road imposes, m/s^2. */
  vertical = 0;
  /** rad/s, to the left. */
  yawRate = 0;
  yawAcceleration = 0;
  /** At the front wheels, radians, to the left. */
  steer = 0;
  steerRate = 0;
  /** Angle between where the car points and where it goes, radians. */
  sideslip = 0;
  slope = 0;
  curvature = 0;
  /** Number of the lap that is being driven; 0 in the run-up. */
  lap = 0;
  /** Work done against the car since the start, J. */
  brakeWork = 0;
  dragWork = 0;
  rollingWork = 0;
  corneringWork = 0;
  readonly laps: Lap[] = [];
  readonly #drive = new Float64Array(4);
  #sectorTimes: number[] = [];

  constructor(track: Track, random: Random) {
    this.track = track;
    this.driver = new Driver(track, random.fork('driver'));
    this.powertrain = new Powertrain(random.fork('powertrain'));
    this.suspension = new Suspension(random.fork('road'));
    this.tyres = new Tyres(random.fork('tyres'));
    this.fluids = new Fluids(random.fork('fluids'));
    this.electrics = new Electrics(random.fork('electrics'));
    this.ambient = new Ambient(random.fork('ambient'));
    this.distance = track.lengthM - RUN_UP_M;
    this.speed = Math.min(START_SPEED, this.driver.speedAt(this.distance));
    this.tyres.step(this.#tyreTask());
  }

  /** Seconds of simulation. */
  get time(): number {
    return this.steps * STEP_S;
  }

  get mass(): number {
    return BODY.mass + this.powertrain.fuel;
  }

  /** Time since the line, seconds. */
  get lapTime(): number {
    return this.time - (this.#sectorTimes[0] ?? 0);
  }

  /** Kinetic and potential energy, J. */
  get energy(): number {
    return this.mass * (0.5 * this.speed * this.speed + GRAVITY * this.track.heightAt(this.distance));
  }

  step(): void {
    const { grip, turning } = this.tyres;
    const traction = (grip[2] ?? 0) + (grip[3] ?? 0);
    this.driver.step({
      distance: this.distance,
      speed: this.speed,
      lateral: this.lateral,
      mass: this.mass,
      resistance: this.#resistance(),
      driveForceMax: this.powertrain.forceMax,
      tractionMax: traction,
    });
    const { throttle, brake } = this.driver;
    const rear = ((turning[2] ?? 0) + (turning[3] ?? 0)) / 2;
    this.powertrain.step(throttle, brake, rear, 0.98 * traction, this.speed);
    this.brakes.step(brake, grip, this.speed);
    this.#move();
    this.suspension.step({
      mass: this.mass,
      speed: this.speed,
      longitudinal: this.acceleration,
      lateral: this.lateral,
      vertical: this.vertical,
      curvature: this.curvature,
    });
    this.tyres.step(this.#tyreTask());
    this.steps++;
    if (this.steps % SLOW_EVERY === 0) this.#stepSlow();
  }

  #stepSlow(): void {
    this.tyres.stepSlow(this.speed, this.suspension.load);
    this.brakes.stepSlow(this.speed);
    this.fluids.stepSlow(this.powertrain, this.speed, this.lateral);
    this.electrics.stepSlow(this.powertrain, this.driver.brake);
    this.ambient.stepSlow();
  }

  /** Forces to acceleration to speed to place. */
  #move(): void {
    const { speed, mass } = this;
    const drag = 0.5 * AIR_DENSITY * BODY.dragArea * speed * speed;
    const rolling = this.#rolling();
    const cornering = (mass * this.lateral) ** 2 / BODY.corneringStiffness;
    let braking = 0;
    for (let wheel = 0; wheel < 4; wheel++) {
      const force = this.brakes.force[wheel] ?? 0;
      braking += force;
      this.#drive[wheel] = (wheel < 2 ? 0 : this.powertrain.force / 2) - force;
    }
    const force = this.powertrain.force - braking - drag - rolling - cornering - mass * GRAVITY * this.slope;
    this.acceleration = force / mass;
    const next = Math.max(1, speed + this.acceleration * STEP_S);
    const metres = ((speed + next) / 2) * STEP_S;
    this.speed = next;
    this.brakeWork += braking * metres;
    this.dragWork += drag * metres;
    this.rollingWork += rolling * metres;
    this.corneringWork += cornering * metres;
    this.#advance(metres);
    this.#turn();
  }

  /** Yaw, steering and what the road does, at the new place. */
  #turn(): void {
    this.slope = this.track.slopeAt(this.distance);
    this.curvature = this.track.curvatureAt(this.distance);
    const { speed, curvature } = this;
    this.vertical = speed * speed * this.track.crestAt(this.distance);
    const yawRate = speed * curvature + 0.25 * this.driver.correction * speed;
    this.yawAcceleration = (yawRate - this.yawRate) / YAW_LAG_S;
    this.yawRate += this.yawAcceleration * STEP_S;
    this.lateral = speed * this.yawRate;
    const understeer = 0.0016 * this.lateral;
    const steer = BODY.wheelbase * curvature + understeer + this.driver.correction;
    this.steerRate = (steer - this.steer) / STEP_S;
    this.steer = steer;
    const rearSlip = ((this.tyres.slipAngle[2] ?? 0) + (this.tyres.slipAngle[3] ?? 0)) / 2;
    this.sideslip = BODY.wheelbase * (1 - BODY.frontShare) * curvature - rearSlip;
  }

  #advance(metres: number): void {
    const before = this.distance;
    this.travelled += metres;
    this.distance += metres;
    if (this.distance >= this.track.lengthM) {
      this.distance -= this.track.lengthM;
      this.#crossLine(this.time + STEP_S * (1 - this.distance / metres));
      return;
    }
    for (const start of this.track.sectorStartsM) {
      if (this.lap > 0 && start > before && start <= this.distance) {
        this.#sectorTimes.push(this.time + (STEP_S * (start - before)) / metres);
      }
    }
  }

  #crossLine(time: number): void {
    const marks = [...this.#sectorTimes, time];
    if (this.lap > 0) {
      const sectors = marks.slice(1).map((mark, index) => mark - (marks[index] ?? 0));
      this.laps.push({ number: this.lap, start: marks[0] ?? 0, end: time, sectors });
      if (this.laps.length > LAPS_MAX) this.laps.shift();
    }
    this.#sectorTimes = [time];
    this.lap++;
    this.driver.beginLap();
    if (this.powertrain.fuel < SERVICE_FUEL_KG) {
      this.powertrain.service();
      this.tyres.service();
      this.brakes.service();
    }
  }

  /** What slows the car besides the brakes, N. */
  #resistance(): number {
    const drag = 0.5 * AIR_DENSITY * BODY.dragArea * this.speed * this.speed;
    const cornering = (this.mass * this.lateral) ** 2 / BODY.corneringStiffness;
    return drag + this.#rolling() + cornering + this.mass * GRAVITY * this.slope;
  }

  #rolling(): number {
    return (BODY.rollingResistance * gripForce(this.mass, this.speed)) / TYRES.grip;
  }

  #tyreTask(): Parameters<Tyres['step']>[0] {
    const { mass, speed, lateral, yawRate } = this;
    return { mass, speed, lateral, yawRate, load: this.suspension.load, drive: this.#drive };
  }
}
