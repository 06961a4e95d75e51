import type { Track } from './track.ts';
import { AIR_DENSITY, BODY, GRAVITY, TYRES } from './vehicle/parameters.ts';

/** A speed no straight of a circuit allows, m/s. */
const TOP_SPEED = 110;
/** Share of the grip that a good driver uses in a corner, and on the brakes. */
const CORNER_SHARE = 0.93;
const BRAKE_SHARE = 0.86;

/** Grip of all four tyres together, N, for a car of `mass` kg at `speed` m/s. */
export function gripForce(mass: number, speed: number): number {
  return TYRES.grip * (mass * GRAVITY + 0.5 * AIR_DENSITY * BODY.downforceArea * speed * speed);
}

/**
 * How fast the car may be at each place so that it still makes every corner that follows: what grip allows in the
 * corners, carried backwards through the braking zones. It knows nothing of engine power. One value a point of
 * {@link Track.curvatures}, m/s.
 */
export function speedLimits(track: Track, mass: number): Float64Array {
  const limits = track.curvatures.map((curvature) => cornerSpeed(Math.abs(curvature), mass));
  const points = limits.length;
  for (let i = 2 * points - 1; i >= 0; i--) {
    const here = i % points;
    const next = limits[(here + 1) % points] ?? 0;
    const slowing = brakingAt(next, Math.abs(track.curvatures[here] ?? 0), mass);
    limits[here] = Math.min(limits[here] ?? 0, Math.sqrt(next * next + 2 * slowing * track.stepM));
  }
  return limits;
}

function cornerSpeed(curvature: number, mass: number): number {
  const perSquare = CORNER_SHARE * TYRES.grip * 0.5 * AIR_DENSITY * BODY.downforceArea;
  const rest = mass * curvature - perSquare;
  if (rest <= 0) return TOP_SPEED;
  return Math.min(TOP_SPEED, Math.sqrt((CORNER_SHARE * TYRES.grip * mass * GRAVITY) / rest));
}

/** Deceleration that grip leaves beside the cornering, with the help of drag, m/s^2. */
function brakingAt(speed: number, curvature: number, mass: number): number {
  const grip = gripForce(mass, speed);
  const cornering = mass * speed * speed * curvature;
  const braking = BRAKE_SHARE * Math.sqrt(Math.max(0, grip * grip - cornering * cornering));
  const drag = 0.5 * AIR_DENSITY * BODY.dragArea * speed * speed;
  return (braking + drag) / mass;
}
