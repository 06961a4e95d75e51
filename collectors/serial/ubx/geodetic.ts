/** WGS 84: semi-major axis in m, and the square of the first eccentricity. */
const A = 6_378_137;
const FLATTENING = 1 / 298.257223563;
const E2 = FLATTENING * (2 - FLATTENING);

const DEGREES = 180 / Math.PI;

/** Rounds of Bowring's iteration: two reach a micrometre on and near the earth, a third is spare. */
const ROUNDS = 3;

export interface Geodetic {
  /** Degrees, north positive. */
  readonly latitude: number;
  /** Degrees, east positive. */
  readonly longitude: number;
  /** Height above the ellipsoid, m. */
  readonly height: number;
}

/** Geodetic coordinates of an earth-centred position in m, by Bowring's method. */
export function geodeticOf(x: number, y: number, z: number): Geodetic {
  const p = Math.hypot(x, y);
  const b = A * (1 - FLATTENING);
  const second = E2 / (1 - E2);
  let reduced = Math.atan2(z * A, p * b);
  let latitude = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const sine = Math.sin(reduced);
    const cosine = Math.cos(reduced);
    latitude = Math.atan2(z + second * b * sine ** 3, p - E2 * A * cosine ** 3);
    reduced = Math.atan2((1 - FLATTENING) * Math.sin(latitude), Math.cos(latitude));
  }
  const sine = Math.sin(latitude);
  const height = p * Math.cos(latitude) + z * sine - A * Math.sqrt(1 - E2 * sine * sine);
  return { latitude: latitude * DEGREES, longitude: Math.atan2(y, x) * DEGREES, height };
}

/** Velocity to the north, to the east and down at a place, of an earth-centred velocity; all of one unit. */
export function localVelocity(
  { latitude, longitude }: Pick<Geodetic, 'latitude' | 'longitude'>,
  vx: number,
  vy: number,
  vz: number,
): { north: number; east: number; down: number } {
  const sinLat = Math.sin(latitude / DEGREES);
  const cosLat = Math.cos(latitude / DEGREES);
  const sinLon = Math.sin(longitude / DEGREES);
  const cosLon = Math.cos(longitude / DEGREES);
  return {
    north: -sinLat * cosLon * vx - sinLat * sinLon * vy + cosLat * vz,
    east: -sinLon * vx + cosLon * vy,
    down: -cosLat * cosLon * vx - cosLat * sinLon * vy - sinLat * vz,
  };
}
