import { type Random, Wander } from '../random.ts';
import { gripForce, speedLimits } from '../speed-limit.ts';
import type { Track } from '../track.ts';
import { BODY, BRAKES, STEP_S } from './parameters.ts';

/** How far ahead the driver acts, seconds. */
const AHEAD_S = 0.07;
/** Correction of a speed that is off, 1/s. */
const SPEED_GAIN = 5;
/** Standard deviation of the pace of a whole lap, and of its wander along the lap. */
const LAP_FORM = 0.007;
const WANDER_FORM = 0.006;
/** Distance over which pace and line change, metres. */
const PACE_MEMORY_M = 500;
const LINE_MEMORY_M = 260;
/** Standard deviation of the distance from the ideal line, metres. */
const LINE_SPREAD_M = 0.55;
const PEDAL_LAG_S = 0.035;
const STEERING_LAG_S = 0.06;

/** What the driver sees of the car. */
export interface Seen {
  /** Metres around the lap. */
  readonly distance: number;
  /** m/s. */
  readonly speed: number;
  /** m/s^2. */
  readonly lateral: number;
  readonly mass: number;
  /** Resistances that slow the car without brakes, N. */
  readonly resistance: number;
  /** What the powertrain gives at full throttle, N. */
  readonly driveForceMax: number;
  /** What the rear tyres can put on the road, N. */
  readonly tractionMax: number;
}

/** Follows the circuit as fast as the corners allow, a little differently every lap. */
export class Driver {
  /** Pedals, 0 to 1. */
  throttle = 0.5;
  brake = 0;
  /** Distance left of the ideal line, metres. */
  offset = 0;
  /** Small corrections of the steering, radians at the front wheels. */
  correction = 0;
  readonly #track: Track;
  readonly #limits: Float64Array;
  readonly #random: Random;
  readonly #paceWander: Wander;
  readonly #lineWander: Wander;
  readonly #footWander: Wander;
  readonly #handWander: Wander;
  #lapForm = 1;
  #pace = 1;

  constructor(track: Track, random: Random) {
    this.#track = track;
    this.#limits = speedLimits(track, BODY.mass + 30);
    this.#random = random;
    this.#paceWander = new Wander(random, PACE_MEMORY_M);
    this.#lineWander = new Wander(random, LINE_MEMORY_M);
    this.#footWander = new Wander(random, 0.12);
    this.#handWander = new Wander(random, 0.18);
    this.beginLap();
  }

  /** Draws the form of the lap that begins. */
  beginLap(): void {
    this.#lapForm = 1 + LAP_FORM * this.#random.gaussian();
  }

  /** Speed the driver allows at a place, m/s. */
  speedAt(distance: number): number {
    return this.#limit(distance) * this.#pace;
  }

  step(seen: Seen): void {
    this.#wander(seen.speed);
    const wanted = this.#wantedForce(seen);
    const foot = 1 + 0.012 * this.#footWander.value;
    const throttle = wanted > 0 ? Math.min(1, (wanted / Math.max(500, seen.driveForceMax)) * foot) : 0;
    const brake = wanted < -300 ? Math.min(1, (-wanted / BRAKES.forceMax) * foot) : 0;
    this.throttle += ((throttle > 0.94 ? 1 : throttle) - this.throttle) * (STEP_S / PEDAL_LAG_S);
    this.brake += (brake - this.brake) * (STEP_S / PEDAL_LAG_S);
    const effort = 0.0005 + 0.00003 * Math.min(25, Math.abs(seen.lateral));
    this.correction += (effort * this.#handWander.value - this.correction) * (STEP_S / STEERING_LAG_S);
  }

  #wander(speed: number): void {
    const metres = speed * STEP_S;
    const pace = this.#lapForm + WANDER_FORM * this.#paceWander.advance(metres);
    // The wanders are rough; a driver's pace and line are not.
    this.#pace += (pace - this.#pace) * (metres / 80);
    this.offset += (LINE_SPREAD_M * this.#lineWander.advance(metres) - this.offset) * (metres / 60);
    this.#footWander.advance(STEP_S);
    this.#handWander.advance(STEP_S);
  }

  /** Force at the road that brings the car onto its speed, N; never more than the tyres have left beside cornering. */
  #wantedForce(seen: Seen): number {
    const place = seen.distance + seen.speed * AHEAD_S;
    const here = this.speedAt(place);
    const gradient = (this.speedAt(place + 4) - this.speedAt(place - 4)) / 8;
    const acceleration = here * gradient + SPEED_GAIN * (here - seen.speed);
    const grip = gripForce(seen.mass, seen.speed);
    const used = Math.min(1, Math.abs(seen.mass * seen.lateral) / grip);
    const left = Math.sqrt(1 - used * used);
    const wanted = seen.mass * acceleration + seen.resistance;
    return Math.max(-0.95 * grip * left, Math.min(wanted, 0.95 * seen.tractionMax * left));
  }

  #limit(distance: number): number {
    const place = this.#track.wrap(distance) / this.#track.stepM;
    const index = Math.floor(place);
    const from = this.#limits[index] ?? 0;
    const to = this.#limits[index + 1] ?? this.#limits[0] ?? 0;
    return from + (to - from) * (place - index);
  }
}
