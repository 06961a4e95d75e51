import { type Random, Wander } from '../random.ts';
import { AIR_TEMPERATURE, BODY, SLOW_EVERY, STEP_S, TYRE_ZONES, TYRES } from './parameters.ts';

const ZONES = 4 * TYRE_ZONES;
/** Of one zone of the tread's surface, and of the carcass, J/K. */
const SURFACE_CAPACITY = 82;
const CARCASS_CAPACITY = 9200;
/** Conduction between a zone and the carcass, W/K. */
const CONDUCTION = 15;
/** Share of the sliding heat that stays in the tyre; the road takes the rest. */
const HEAT_SHARE = 0.7;

/** What a tyre has to carry. */
export interface TyreTask {
  readonly mass: number;
  /** m/s. */
  readonly speed: number;
  /** m/s^2, to the left. */
  readonly lateral: number;
  /** rad/s, to the left. */
  readonly yawRate: number;
  readonly load: Float64Array;
  /** Force along the road at each wheel, N, forwards positive. */
  readonly drive: Float64Array;
}

/** Slip, wheel speed, heat and pressure of the four tyres. */
export class Tyres {
  /** Longitudinal slip, 0 rolling free, positive when driving. */
  readonly slip = new Float64Array(4);
  /** Radians, of the sign of the lateral force. */
  readonly slipAngle = new Float64Array(4);
  /** Lateral force at each tyre, N, to the left. */
  readonly side = new Float64Array(4);
  /** Turning speed of the wheel, rad/s. */
  readonly turning = new Float64Array(4);
  /** What each tyre can transmit, N. */
  readonly grip = new Float64Array(4);
  /** Surface by wheel and zone, from the inner shoulder outwards. */
  readonly surface = new Float64Array(ZONES);
  readonly carcass = Float64Array.of(82, 82, 84, 84);
  readonly gas = Float64Array.of(76, 76, 78, 78);
  /** Share of the tread that is worn away. */
  readonly wear = new Float64Array(4);
  readonly #heat = new Float64Array(4);
  /** Unevenness of the tread by zone. */
  readonly #pattern = new Float64Array(ZONES);
  readonly #texture: readonly Wander[];

  constructor(random: Random) {
    for (let zone = 0; zone < ZONES; zone++) {
      this.#pattern[zone] = 1 + 0.04 * random.gaussian();
      this.surface[zone] = 84 + 3 * random.gaussian();
    }
    this.#texture = Array.from({ length: 4 }, () => new Wander(random, 0.15));
  }

  step(task: TyreTask): void {
    const { mass, speed, lateral, load, drive } = task;
    for (let wheel = 0; wheel < 4; wheel++) {
      const front = wheel < 2;
      const carried = Math.max(200, load[wheel] ?? 0);
      const axleLoad = Math.max(400, front ? (load[0] ?? 0) + (load[1] ?? 0) : (load[2] ?? 0) + (load[3] ?? 0));
      const side = (mass * lateral * (front ? BODY.frontShare : 1 - BODY.frontShare) * carried) / axleLoad;
      const along = drive[wheel] ?? 0;
      const grip = carried * TYRES.grip * gripShare(this.carcass[wheel] ?? 0) * (1 - 0.08 * (this.wear[wheel] ?? 0));
      this.grip[wheel] = grip;
      this.side[wheel] = side;
      this.slip[wheel] = TYRES.slipAtLimit * demand(along / grip);
      this.slipAngle[wheel] = TYRES.slipAngleAtLimit * demand(side / grip);
      const own = speed + task.yawRate * (wheel % 2 === 0 ? -BODY.track / 2 : BODY.track / 2);
      this.turning[wheel] = (own * (1 + (this.slip[wheel] ?? 0))) / (TYRES.radius[wheel] ?? 1);
      const sliding = Math.abs(along * (this.slip[wheel] ?? 0)) + Math.abs(side * (this.slipAngle[wheel] ?? 0));
      this.#heat[wheel] = (this.#heat[wheel] ?? 0) + sliding * speed * STEP_S;
    }
  }

  /** Heat from sliding and flexing spreads over the zones, into the carcass, to air and road. */
  stepSlow(speed: number, load: Float64Array): void {
    const seconds = STEP_S * SLOW_EVERY;
    for (let wheel = 0; wheel < 4; wheel++) {
      const slid = this.#heat[wheel] ?? 0;
      const flexing = 0.011 * (load[wheel] ?? 0) * speed * seconds;
      // Camber and the side force press one shoulder harder than the other.
      const outward = wheel % 2 === 0 ? -(this.side[wheel] ?? 0) : (this.side[wheel] ?? 0);
      const tilt = 5.5 * -(TYRES.camber[wheel] ?? 0) + outward * 1.6e-5;
      const texture = 1 + 0.05 * (this.#texture[wheel]?.advance(seconds) ?? 0);
      const toCarcass = this.#spread(wheel, slid * HEAT_SHARE * texture, tilt, speed, seconds);
      const carcass = this.carcass[wheel] ?? 0;
      const gas = this.gas[wheel] ?? 0;
      const cooled = (6 + 0.42 * speed) * (carcass - AIR_TEMPERATURE) * seconds;
      const toGas = 22 * (carcass - gas) * seconds;
      this.carcass[wheel] = carcass + (flexing + toCarcass - cooled - toGas) / CARCASS_CAPACITY;
      this.gas[wheel] = gas + toGas / 900;
      this.wear[wheel] = Math.min(1, (this.wear[wheel] ?? 0) + slid * 2.4e-8);
      this.#heat[wheel] = 0;
    }
  }

  /** Heats and cools the zones of one tyre; returns the heat that went on into the carcass, J. */
  #spread(wheel: number, heat: number, tilt: number, speed: number, seconds: number): number {
    const first = wheel * TYRE_ZONES;
    const carcass = this.carcass[wheel] ?? 0;
    const cooling = 0.8 + 0.06 * speed;
    let inward = 0;
    for (let zone = 0; zone < TYRE_ZONES; zone++) {
      const across = (zone - (TYRE_ZONES - 1) / 2) / (TYRE_ZONES / 2);
      const weight = Math.max(0.1, 1 - tilt * across + 0.12 * across * across) * (this.#pattern[first + zone] ?? 1);
      const surface = this.surface[first + zone] ?? 0;
      const conducted = CONDUCTION * (surface - carcass) * seconds;
      const cooled = cooling * (surface - AIR_TEMPERATURE) * seconds;
      this.surface[first + zone] = surface + ((heat * weight) / TYRE_ZONES - conducted - cooled) / SURFACE_CAPACITY;
      inward += conducted;
    }
    return inward;
  }

  /** Gauge pressure, bar: a fixed amount of gas that is as warm as it is. */
  pressure(wheel: number): number {
    const cold = (TYRES.coldPressure[wheel] ?? 0) + 1.013;
    return (cold * ((this.gas[wheel] ?? 0) + 273.15)) / 293.15 - 1.013;
  }

  /** Mean of a tyre's zones. */
  surfaceMean(wheel: number): number {
    let sum = 0;
    for (let zone = 0; zone < TYRE_ZONES; zone++) sum += this.surface[wheel * TYRE_ZONES + zone] ?? 0;
    return sum / TYRE_ZONES;
  }

  /** New tread. */
  service(): void {
    this.wear.fill(0);
  }
}

/** Share of the best grip at a carcass temperature. */
function gripShare(temperature: number): number {
  const off = (temperature - TYRES.bestTemperature) / 100;
  return Math.max(0.75, 1 - 0.35 * off * off);
}

/** Slip for a share of the grip, both 1 at the limit: proportional at first, steep near the limit. */
function demand(share: number): number {
  const size = Math.min(1, Math.abs(share));
  const slip = 0.45 * size + 0.55 * size ** 5;
  return share < 0 ? -slip : slip;
}
