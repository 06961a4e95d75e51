import type { Circuit, Piece } from './circuit.ts';

/** Spacing of the points a track is kept at, metres, about. */
const STEP_M = 1;
/** Length over which a driver winds the steering on and off: curvature is averaged over it, metres. */
const TRANSITION_M = 44;
/** WGS 84. */
const EARTH_RADIUS_M = 6_378_137;
const EARTH_FLATTENING = 1 / 298.257223563;

/**
 * A closed line around a circuit, measured along its length from the start/finish line. East, north and up are metres
 * from that line; heading is radians from east, counterclockwise; curvature is 1/m, left positive.
 */
export class Track {
  readonly circuit: Circuit;
  readonly lengthM: number;
  /** Where each sector begins, metres; the first at 0. */
  readonly sectorStartsM: readonly number[];
  /** Distance between the points of {@link Track.curvatures}, metres. */
  readonly stepM: number;
  readonly curvatures: Float64Array;
  readonly #east: Float64Array;
  readonly #north: Float64Array;
  readonly #heading: Float64Array;

  constructor(circuit: Circuit) {
    const pieces = closedPieces(circuit);
    const points = Math.round(lengthOf(pieces) / STEP_M);
    this.circuit = circuit;
    this.lengthM = lengthOf(pieces);
    this.stepM = this.lengthM / points;
    this.curvatures = smoothCurvature(pieces, points, this.stepM);
    this.sectorStartsM = [0, ...circuit.sectorStarts.map((share) => share * this.lengthM)];
    const path = integrate(this.curvatures, this.stepM, headingOf(circuit));
    this.#east = path.east;
    this.#north = path.north;
    this.#heading = path.heading;
  }

  /** Metres around the lap, in [0, length). */
  wrap(distance: number): number {
    const within = distance % this.lengthM;
    return within < 0 ? within + this.lengthM : within;
  }

  curvatureAt(distance: number): number {
    return this.#between(this.curvatures, distance, 0);
  }

  headingAt(distance: number): number {
    const last = this.curvatures.length;
    return this.#between(this.#heading, distance, (this.#heading[last] ?? 0) - (this.#heading[0] ?? 0));
  }

  /** Metres east of the line, `offset` metres left of the track's middle. */
  eastAt(distance: number, offset = 0): number {
    return this.#between(this.#east, distance, 0) - offset * Math.sin(this.headingAt(distance));
  }

  /** Metres north of the line, `offset` metres left of the track's middle. */
  northAt(distance: number, offset = 0): number {
    return this.#between(this.#north, distance, 0) + offset * Math.cos(this.headingAt(distance));
  }

  /** Metres above the start/finish line. */
  heightAt(distance: number): number {
    return this.#hills(distance, 0) - this.#hills(0, 0);
  }

  /** Rise per metre of road. */
  slopeAt(distance: number): number {
    return this.#hills(distance, 1);
  }

  /** Change of slope per metre of road: crests negative, dips positive. */
  crestAt(distance: number): number {
    return this.#hills(distance, 2);
  }

  /** Number of the sector, from 1. */
  sectorAt(distance: number): number {
    const within = this.wrap(distance);
    let sector = 0;
    for (const start of this.sectorStartsM) if (within >= start) sector++;
    return sector;
  }

  /** Degrees north of the equator. The circuit is small enough to be flat. */
  latitudeAt(north: number): number {
    return this.circuit.latitude + (north / meridianRadius(this.circuit.latitude)) * (180 / Math.PI);
  }

  /** Degrees east of Greenwich. */
  longitudeAt(east: number): number {
    const radius = normalRadius(this.circuit.latitude) * Math.cos((this.circuit.latitude * Math.PI) / 180);
    return this.circuit.longitude + (east / radius) * (180 / Math.PI);
  }

  /** Linear between the points; `turns` is what a whole lap adds. */
  #between(values: Float64Array, distance: number, perLap: number): number {
    const place = this.wrap(distance) / this.stepM;
    const index = Math.min(Math.floor(place), this.curvatures.length - 1);
    const from = values[index] ?? 0;
    const to = values[index + 1] ?? (values[0] ?? 0) + perLap;
    return from + (to - from) * (place - index);
  }

  /** Height in metres, or its first or second derivative by distance. */
  #hills(distance: number, derivative: 0 | 1 | 2): number {
    let sum = 0;
    for (const { amplitude, waves, phase } of this.circuit.hills) {
      const perMetre = (2 * Math.PI * waves) / this.lengthM;
      const angle = perMetre * distance + phase;
      if (derivative === 0) sum += amplitude * Math.sin(angle);
      else if (derivative === 1) sum += amplitude * perMetre * Math.cos(angle);
      else sum -= amplitude * perMetre * perMetre * Math.sin(angle);
    }
    return sum;
  }
}

function headingOf(circuit: Circuit): number {
  return ((90 - circuit.course) * Math.PI) / 180;
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + pieceLength(piece), 0);
}

function pieceLength(piece: Piece): number {
  return 'straight' in piece ? piece.straight : (Math.abs(piece.turn) * Math.PI * piece.radius) / 180;
}

/**
 * Adjusts the two closing straights. The end of the lap moves along a straight's own direction when that straight
 * grows, so the two lengths are the solution of two linear equations; done twice because sampling to whole points moves
 * the turns by fractions of a step.
 */
function closedPieces(circuit: Circuit): Piece[] {
  const pieces = [...circuit.pieces];
  const [first, second] = circuit.closing;
  for (let round = 0; round < 4; round++) {
    const points = Math.round(lengthOf(pieces) / STEP_M);
    const step = lengthOf(pieces) / points;
    const path = integrate(smoothCurvature(pieces, points, step), step, headingOf(circuit));
    const east = path.east[points] ?? 0;
    const north = path.north[points] ?? 0;
    const a = directionOf(circuit, first);
    const b = directionOf(circuit, second);
    const determinant = Math.cos(a) * Math.sin(b) - Math.cos(b) * Math.sin(a);
    lengthen(pieces, first, (-east * Math.sin(b) + north * Math.cos(b)) / determinant);
    lengthen(pieces, second, (-north * Math.cos(a) + east * Math.sin(a)) / determinant);
  }
  return pieces;
}

/** Heading of the straight at `index`, radians. */
function directionOf(circuit: Circuit, index: number): number {
  let heading = headingOf(circuit);
  for (const piece of circuit.pieces.slice(0, index)) if ('turn' in piece) heading += (piece.turn * Math.PI) / 180;
  return heading;
}

function lengthen(pieces: Piece[], index: number, metres: number): void {
  const piece = pieces[index];
  if (piece === undefined || !('straight' in piece) || piece.straight + metres <= 0) {
    throw new Error(`piece ${index} of the circuit cannot be made ${metres} m longer to close the lap`);
  }
  pieces[index] = { straight: piece.straight + metres };
}

/** Curvature at the middle of each step, averaged over the transition, then scaled so that the turns are exactly kept. */
function smoothCurvature(pieces: readonly Piece[], points: number, step: number): Float64Array {
  const turned = (distance: number): number => headingAfter(pieces, distance);
  const total = turned(lengthOf(pieces));
  const length = points * step;
  const around = (distance: number): number => {
    const laps = Math.floor(distance / length);
    return laps * total + turned(distance - laps * length);
  };
  const curvature = new Float64Array(points);
  for (let i = 0; i < points; i++) {
    const middle = i * step;
    // Two running means in a row give curvature without kinks: a winding-on that begins and ends gently.
    const half = TRANSITION_M / 4;
    let sum = 0;
    for (let tap = -4; tap <= 4; tap++) {
      const centre = middle + (tap / 4) * half;
      sum += (around(centre + half) - around(centre - half)) / (2 * half);
    }
    curvature[i] = sum / 9;
  }
  return curvature;
}

/** Radians turned from the line to `distance`. */
function headingAfter(pieces: readonly Piece[], distance: number): number {
  let heading = 0;
  for (const piece of pieces) {
    const length = pieceLength(piece);
    const share = Math.min(1, Math.max(0, distance / length));
    if ('turn' in piece) heading += (piece.turn * Math.PI * share) / 180;
    distance -= length;
    if (distance <= 0) break;
  }
  return heading;
}

interface Path {
  /** One more than there are curvatures: the last is where the lap ends. */
  readonly east: Float64Array;
  readonly north: Float64Array;
  readonly heading: Float64Array;
}

/** Follows the curvature from the origin; each step is an arc, so the path is exact for what the curvature says. */
function integrate(curvatures: Float64Array, step: number, heading: number): Path {
  const points = curvatures.length;
  const path = {
    east: new Float64Array(points + 1),
    north: new Float64Array(points + 1),
    heading: new Float64Array(points + 1),
  };
  path.heading[0] = heading;
  for (let i = 0; i < points; i++) {
    const turn = (((curvatures[i] ?? 0) + (curvatures[(i + 1) % points] ?? 0)) / 2) * step;
    const middle = (path.heading[i] ?? 0) + turn / 2;
    const chord = turn === 0 ? step : (step * Math.sin(turn / 2)) / (turn / 2);
    path.east[i + 1] = (path.east[i] ?? 0) + chord * Math.cos(middle);
    path.north[i + 1] = (path.north[i] ?? 0) + chord * Math.sin(middle);
    path.heading[i + 1] = (path.heading[i] ?? 0) + turn;
  }
  return path;
}

function meridianRadius(latitude: number): number {
  const square = EARTH_FLATTENING * (2 - EARTH_FLATTENING);
  return (EARTH_RADIUS_M * (1 - square)) / (1 - square * Math.sin((latitude * Math.PI) / 180) ** 2) ** 1.5;
}

function normalRadius(latitude: number): number {
  const square = EARTH_FLATTENING * (2 - EARTH_FLATTENING);
  return EARTH_RADIUS_M / Math.sqrt(1 - square * Math.sin((latitude * Math.PI) / 180) ** 2);
}
