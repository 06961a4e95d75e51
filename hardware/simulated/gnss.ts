import type { FaultSlot, Faults } from './faults.ts';
import { type Fix, gga, gsa, gsv, KNOTS_A_METRE_A_SECOND, rmc, type SatelliteInView, vtg } from './nmea.ts';
import { type Random, Wander } from './random.ts';
import type { Vehicle } from './vehicle/vehicle.ts';

/** Fixes a second. */
export const GNSS_RATE_HZ = 25;
/** Speed of the receiver's serial line, baud; ten bits a character. */
export const GNSS_BAUD_RATE = 230_400;

const CHARACTER_US = 1e7 / GNSS_BAUD_RATE;
const PERIOD_US = 1e6 / GNSS_RATE_HZ;
/** From the moment of a fix to its first character, microseconds. */
const LATENCY_US = [18_000, 27_000] as const;
/** Error that the position keeps for a while, and what changes from fix to fix, metres. */
const DRIFT_M = 0.22;
const DRIFT_MEMORY_S = 60;
const WHITE_M = 0.012;
const GEOID_M = 57.3;
/** Satellites that follow the receiver around the sky; all stay above ten degrees, so that every fix rests on them all. */
export const GNSS_SATELLITES = 12;
/** Dilution of precision with that many. */
export const GNSS_DOP = { pdop: 1.44, hdop: 0.82, vdop: 1.19 } as const;
/** Samples by sentence: speed and course; position, altitude, quality, satellites, precision; two more precisions. */
const SAMPLES = { rmc: 2, gga: 6, gsa: 2 } as const;
/** What GGA still says without a position: quality, satellites, precision. */
const SAMPLES_NO_FIX = 3;

interface Line {
  readonly text: string;
  /** First samples of their sensors; what another sentence of the fix has said already is none. */
  readonly samples: number;
  readonly sentUs: number;
}

interface Orbit {
  readonly number: number;
  readonly elevation: number;
  readonly azimuth: number;
  /** Degrees a second. */
  readonly climb: number;
  readonly signal: Wander;
}

/** A receiver on the roof. It speaks at {@link GNSS_RATE_HZ}: RMC, GGA, VTG; GSA and GSV once a second. */
export class GnssReceiver {
  sentences = 0;
  samples = 0;
  readonly #random: Random;
  readonly #noise: number;
  readonly #slot: FaultSlot;
  readonly #utcMs: (seconds: number) => number;
  readonly #onSentence: (sentUs: number, text: string) => void;
  readonly #east: Wander;
  readonly #north: Wander;
  readonly #up: Wander;
  readonly #orbits: readonly Orbit[];
  readonly #lines: Line[] = [];
  #epoch = 0;
  #freeUs = 0;

  /** @param utcMs UTC of a second of simulation, milliseconds since 1970 */
  constructor(
    random: Random,
    faults: Faults,
    noise: number,
    utcMs: (seconds: number) => number,
    onSentence: (sentUs: number, text: string) => void,
  ) {
    this.#random = random;
    this.#noise = noise;
    this.#slot = faults.slot('gnss', ['silent', 'no-fix']);
    this.#utcMs = utcMs;
    this.#onSentence = onSentence;
    this.#east = new Wander(random, DRIFT_MEMORY_S);
    this.#north = new Wander(random, DRIFT_MEMORY_S);
    this.#up = new Wander(random, DRIFT_MEMORY_S);
    this.#orbits = Array.from({ length: GNSS_SATELLITES }, (_, index) => ({
      number: 2 + Math.floor((index * 30) / GNSS_SATELLITES),
      elevation: random.between(12, 84),
      azimuth: random.between(0, 360),
      climb: random.between(-0.003, 0.003),
      signal: new Wander(random, 20),
    }));
  }

  /** Takes the fix that is due before `endUs` and sends what is through by then. */
  advance(car: Vehicle, endUs: number): void {
    if (this.#epoch * PERIOD_US < endUs) this.#fix(car);
    for (let line = this.#lines[0]; line !== undefined && line.sentUs <= endUs; line = this.#lines[0]) {
      this.#lines.shift();
      this.sentences++;
      this.samples += line.samples;
      this.#onSentence(line.sentUs, line.text);
    }
  }

  #fix(car: Vehicle): void {
    const epoch = this.#epoch++;
    const fix = this.#measure(car, epoch);
    const lines = linesOf(fix);
    if (epoch % GNSS_RATE_HZ === 0) {
      lines.push({ text: gsa(fix), samples: fix.valid ? SAMPLES.gsa : 0 });
      for (const text of gsv(this.#inView(car.time))) lines.push({ text, samples: 0 });
    }
    const { fault } = this.#slot;
    if (fault !== undefined) {
      const wouldBe = SAMPLES.rmc + SAMPLES.gga + (epoch % GNSS_RATE_HZ === 0 ? SAMPLES.gsa : 0);
      const silent = fault.kind === 'silent';
      fault.lostUnits += silent ? lines.length : 0;
      fault.lostSamples += silent ? wouldBe : wouldBe - SAMPLES_NO_FIX;
      if (silent) return;
    }
    const readyUs = epoch * PERIOD_US + this.#random.between(LATENCY_US[0], LATENCY_US[1]);
    this.#freeUs = Math.max(this.#freeUs, readyUs);
    for (const { text, samples } of lines) {
      this.#freeUs += text.length * CHARACTER_US;
      this.#lines.push({ text, samples, sentUs: this.#freeUs });
    }
  }

  #measure(car: Vehicle, epoch: number): Fix {
    const { track, distance, driver } = car;
    const seconds = 1 / GNSS_RATE_HZ;
    const east = track.eastAt(distance, driver.offset) + this.#error(this.#east.advance(seconds));
    const north = track.northAt(distance, driver.offset) + this.#error(this.#north.advance(seconds));
    const up = track.heightAt(distance) + 1.8 * this.#error(this.#up.advance(seconds));
    const speed = Math.max(0, car.speed + 0.025 * this.#white());
    return {
      utcMs: this.#utcMs((epoch * PERIOD_US) / 1e6),
      valid: this.#slot.fault?.kind !== 'no-fix',
      latitude: track.latitudeAt(north),
      longitude: track.longitudeAt(east),
      altitude: track.circuit.altitude + up,
      geoid: GEOID_M,
      speedKnots: speed * KNOTS_A_METRE_A_SECOND,
      course: (courseOf(car) + 0.12 * this.#white() + 360) % 360,
      satellites: this.#orbits.map(({ number }) => number),
      ...GNSS_DOP,
    };
  }

  #error(drift: number): number {
    return this.#noise * (DRIFT_M * drift + WHITE_M * this.#random.gaussian());
  }

  #white(): number {
    return this.#noise * this.#random.gaussian();
  }

  #inView(seconds: number): SatelliteInView[] {
    return this.#orbits.map(({ number, elevation, azimuth, climb, signal }) => {
      const now = 45 + 35 * Math.sin((elevation - 45 + climb * seconds) / 28);
      const strength = 34 + now / 8 + 1.5 * signal.advance(1);
      return { number, elevation: now, azimuth: (azimuth + 0.002 * seconds) % 360, signal: strength };
    });
  }
}

/** The sentences of every fix. */
function linesOf(fix: Fix): Omit<Line, 'sentUs'>[] {
  return [
    { text: rmc(fix), samples: fix.valid ? SAMPLES.rmc : 0 },
    { text: gga(fix), samples: fix.valid ? SAMPLES.gga : SAMPLES_NO_FIX },
    { text: vtg(fix), samples: 0 },
  ];
}

/** Direction of travel, degrees from north, clockwise. */
export function courseOf(car: Vehicle): number {
  const degrees = 90 - (car.track.headingAt(car.distance) * 180) / Math.PI;
  return ((degrees % 360) + 360) % 360;
}
