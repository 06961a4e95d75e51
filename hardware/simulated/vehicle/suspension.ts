import { type Random, Wander } from '../random.ts';
import { AIR_DENSITY, BODY, GRAVITY, STEP_S, SUSPENSION, TYRES } from './parameters.ts';

const RIDE = 2 * Math.PI * SUSPENSION.rideHz;
const HOP = 2 * Math.PI * SUSPENSION.hopHz;
/** Excitation of a wheel by the road, m/s^2 at 1 m/s for a millisecond's white noise. */
const ROUGHNESS = 1.9;
/** A corner tighter than this has kerbs that are driven over, 1/m. */
const KERB_CURVATURE = 0.011;
const KERB_ROUGHNESS = 2.6;

/** What moves the car's body on its springs. */
export interface Motion {
  readonly mass: number;
  readonly speed: number;
  /** m/s^2, forwards and to the left. */
  readonly longitudinal: number;
  readonly lateral: number;
  /** Vertical acceleration of the road under the car, m/s^2. */
  readonly vertical: number;
  /** Of the road, 1/m. */
  readonly curvature: number;
}

/** Four wheels on springs over a rough road: loads, travel, and how the wheels hop. */
export class Suspension {
  /** Vertical force between tyre and road, N. */
  readonly load = new Float64Array(4);
  /** Compression of the damper from where it stands at rest, mm. */
  readonly damper = new Float64Array(4);
  /** mm/s. */
  readonly damperSpeed = new Float64Array(4);
  /** Vertical acceleration of the upright, g. */
  readonly upright = new Float64Array(4);
  /** Wheel travel by load, m, and its speed. */
  readonly #travel = new Float64Array(4);
  readonly #travelSpeed = new Float64Array(4);
  /** Hop of the wheel on its tyre, m, and its speed. */
  readonly #hop = new Float64Array(4);
  readonly #hopSpeed = new Float64Array(4);
  readonly #random: Random;
  readonly #surface: Wander;

  constructor(random: Random) {
    this.#random = random;
    this.#surface = new Wander(random, 90);
    const weight = BODY.mass * GRAVITY;
    for (let wheel = 0; wheel < 4; wheel++) this.load[wheel] = staticLoad(wheel, weight);
  }

  step(motion: Motion): void {
    const { mass, speed, longitudinal, lateral, vertical } = motion;
    const weight = mass * (GRAVITY + vertical);
    const down = 0.5 * AIR_DENSITY * BODY.downforceArea * speed * speed;
    const pitch = (mass * longitudinal * BODY.centreOfGravityHeight) / BODY.wheelbase / 2;
    const roll = (mass * lateral * BODY.centreOfGravityHeight) / BODY.track;
    const kerb = Math.abs(motion.curvature) > KERB_CURVATURE ? KERB_ROUGHNESS : 1;
    const rough = ROUGHNESS * Math.sqrt(speed) * (1 + 0.25 * this.#surface.advance(speed * STEP_S)) * kerb;
    for (let wheel = 0; wheel < 4; wheel++) {
      const front = wheel < 2;
      const left = wheel % 2 === 0;
      const aero = down * (front ? BODY.downforceFrontShare : 1 - BODY.downforceFrontShare) * 0.5;
      const rolled = roll * (front ? SUSPENSION.frontRollShare : 1 - SUSPENSION.frontRollShare);
      const steady = staticLoad(wheel, weight) + aero + (front ? -pitch : pitch) + (left ? -rolled : rolled);
      this.#ride(wheel, steady - staticLoad(wheel, BODY.mass * GRAVITY));
      this.#bounce(wheel, rough * this.#random.gaussian(), steady);
    }
  }

  /** The body settles on the spring: travel follows the load as a damped oscillator. */
  #ride(wheel: number, extraLoad: number): void {
    const target = extraLoad / (SUSPENSION.wheelRate[wheel] ?? 1);
    const travel = this.#travel[wheel] ?? 0;
    const speed = this.#travelSpeed[wheel] ?? 0;
    const pull = RIDE * RIDE * (target - travel) - 2 * SUSPENSION.rideDamping * RIDE * speed;
    this.#travelSpeed[wheel] = speed + pull * STEP_S;
    this.#travel[wheel] = travel + (this.#travelSpeed[wheel] ?? 0) * STEP_S;
  }

  /** The wheel hops between the tyre and the spring; the tyre's deflection adds to the load. */
  #bounce(wheel: number, push: number, steady: number): void {
    const hop = this.#hop[wheel] ?? 0;
    const speed = this.#hopSpeed[wheel] ?? 0;
    const acceleration = push - HOP * HOP * hop - 2 * SUSPENSION.hopDamping * HOP * speed;
    this.#hopSpeed[wheel] = speed + acceleration * STEP_S;
    this.#hop[wheel] = hop + (this.#hopSpeed[wheel] ?? 0) * STEP_S;
    const ratio = SUSPENSION.motionRatio[wheel] ?? 1;
    this.load[wheel] = Math.max(0, steady + TYRES.stiffness * hop);
    this.damper[wheel] = 1000 * ratio * ((this.#travel[wheel] ?? 0) + hop);
    this.damperSpeed[wheel] = 1000 * ratio * ((this.#travelSpeed[wheel] ?? 0) + (this.#hopSpeed[wheel] ?? 0));
    this.upright[wheel] = acceleration / GRAVITY;
  }

  /** Mean of the two wheels of an axle, mm of damper compression. */
  heave(axle: 'front' | 'rear'): number {
    const first = axle === 'front' ? 0 : 2;
    return ((this.damper[first] ?? 0) + (this.damper[first + 1] ?? 0)) / 2;
  }

  /** Roll of the body to the right, radians. */
  get roll(): number {
    const left = (this.#travel[0] ?? 0) + (this.#travel[2] ?? 0);
    const right = (this.#travel[1] ?? 0) + (this.#travel[3] ?? 0);
    return (right - left) / 2 / BODY.track;
  }

  /** Nose-down pitch of the body, radians. */
  get pitch(): number {
    const front = (this.#travel[0] ?? 0) + (this.#travel[1] ?? 0);
    const rear = (this.#travel[2] ?? 0) + (this.#travel[3] ?? 0);
    return (front - rear) / 2 / BODY.wheelbase;
  }

  /** rad/s. */
  get rollRate(): number {
    const left = (this.#travelSpeed[0] ?? 0) + (this.#travelSpeed[2] ?? 0);
    const right = (this.#travelSpeed[1] ?? 0) + (this.#travelSpeed[3] ?? 0);
    return (right - left) / 2 / BODY.track;
  }

  /** rad/s, nose down. */
  get pitchRate(): number {
    const front = (this.#travelSpeed[0] ?? 0) + (this.#travelSpeed[1] ?? 0);
    const rear = (this.#travelSpeed[2] ?? 0) + (this.#travelSpeed[3] ?? 0);
    return (front - rear) / 2 / BODY.wheelbase;
  }
}

function staticLoad(wheel: number, weight: number): number {
  return (weight * (wheel < 2 ? BODY.frontShare : 1 - BODY.frontShare)) / 2;
}
