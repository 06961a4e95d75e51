import { Report } from '../nmea/report.ts';
import {
  SATELLITE_SYSTEMS,
  type Satellite,
  type SatelliteSystem,
  USED_COUNTS,
  VIEW_COUNTS,
} from '../nmea/satellites.ts';
import { geodeticOf, localVelocity } from './geodetic.ts';
import { GpsTime } from './gps-time.ts';
import { ubxName } from './messages.ts';
import { UBX_QUANTITIES as Q } from './quantities.ts';
import { satelliteOfSat, satelliteOfSvinfo } from './satellite-numbers.ts';

/** What became of a message. */
export type UbxOutcome =
  | 'decoded'
  /** Shorter than its type is. */
  | 'ubx-short'
  /** A type that is not decoded here; {@link UbxDecoder.name} names it. */
  | 'unknown';

type Decode = (payload: DataView) => void;

/** What a message tells of one satellite, angles in degrees, the signal in dB-Hz. */
interface Sighting {
  readonly satellite: Satellite | undefined;
  readonly isUsed: boolean;
  readonly signal: number;
  readonly elevation: number;
  readonly azimuth: number;
}

/** A day of the UTC that NAV-PVT tells, microseconds. */
const DAY_US = 86_400_000_000;

/** Turns UBX messages into {@link Report}s. Reads no clock. */
export class UbxDecoder {
  /** What the last message told. */
  readonly report = new Report();
  /** Name of the last message, as `NAV-PVT`. */
  name = '';
  /** Navigation epoch of the last message: its time of week, ms. */
  epoch: number | undefined;
  /** UTC of that epoch, microseconds; undefined while the receiver has not told date and leap seconds. */
  utc: number | undefined;
  /** True where the last message is a fix that the receiver calls good, with a UTC that it calls valid. */
  isClockworthy = false;
  readonly #time = new GpsTime();
  readonly #decodes: Readonly<Record<string, readonly [bytes: number, decode: Decode]>> = {
    'NAV-PVT': [84, (payload) => this.#pvt(payload)],
    'NAV-SOL': [52, (payload) => this.#sol(payload)],
    'NAV-DOP': [18, (payload) => this.#dop(payload)],
    'NAV-TIMEGPS': [16, (payload) => this.#timeGps(payload)],
    'NAV-SVINFO': [8, (payload) => this.#svinfo(payload)],
    'NAV-SAT': [8, (payload) => this.#sat(payload)],
  };
  readonly #withSatellites: boolean;

  /** @param withSatellites whether each satellite in view is told, beside their number */
  constructor(withSatellites = false) {
    this.#withSatellites = withSatellites;
  }

  /** @param payload valid only until the call returns */
  decode(messageClass: number, id: number, payload: Uint8Array): UbxOutcome {
    this.name = ubxName(messageClass, id);
    this.report.clear();
    this.epoch = undefined;
    this.utc = undefined;
    this.isClockworthy = false;
    const [bytes, decode] = this.#decodes[this.name] ?? [];
    if (bytes === undefined || decode === undefined) return 'unknown';
    if (payload.length < bytes) return 'ubx-short';
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    this.epoch = view.getUint32(0, true);
    decode(view);
    return 'decoded';
  }

  /** Position, velocity, time: everything a fix is. */
  #pvt(payload: DataView): void {
    const { report } = this;
    const valid = payload.getUint8(11);
    const flags = payload.getUint8(21);
    const flags2 = payload.getUint8(22);
    const flags3 = payload.getUint16(78, true);
    const hasUtc = (valid & 3) === 3;
    const isResolved = (valid & 4) !== 0;
    if (hasUtc) {
      this.utc = pvtUtc(payload);
      this.#time.anchor(payload.getUint32(0, true), this.utc);
    }
    report.putBool(Q.dateValid, (valid & 1) !== 0);
    report.putBool(Q.timeValid, (valid & 2) !== 0);
    report.putBool(Q.timeResolved, isResolved);
    // Bit 5 says that the two beside it mean something.
    if ((flags2 & 0x20) !== 0) {
      report.putBool(Q.dateConfirmed, (flags2 & 0x40) !== 0);
      report.putBool(Q.timeConfirmed, (flags2 & 0x80) !== 0);
    }
    if (hasUtc) report.put(Q.errorTime, payload.getUint32(12, true) / 1e9);
    const isGood = (flags & 1) !== 0;
    const fixType = payload.getUint8(20);
    this.isClockworthy = isGood && hasUtc && isResolved;
    report.put(Q.fixType, fixType);
    report.validity(Q.fixValid, isGood);
    report.putBool(Q.differential, (flags & 2) !== 0);
    report.put(Q.powerState, (flags >> 2) & 7);
    report.put(Q.carrierSolution, flags >> 6);
    report.put(Q.satellites, payload.getUint8(23));
    report.putBool(Q.positionInvalid, (flags3 & 1) !== 0);
    report.put(Q.correctionAge, Math.min(12, (flags3 >> 1) & 15));
    const hasPosition = isGood && fixType >= 1 && fixType <= 4;
    if (!hasPosition) return;
    if ((flags3 & 1) === 0) this.#pvtPosition(payload, fixType !== 2);
    this.#pvtVelocity(payload, (flags & 0x20) !== 0);
    report.put(Q.pdop, payload.getUint16(76, true) / 100);
    if ((valid & 8) === 0 || payload.byteLength < 92) return;
    report.put(Q.magneticVariation, payload.getInt16(88, true) / 100);
    report.put(Q.errorVariation, payload.getUint16(90, true) / 100);
  }

  #pvtPosition(payload: DataView, hasHeight: boolean): void {
    const { report } = this;
    report.put(Q.latitude, payload.getInt32(28, true) / 1e7);
    report.put(Q.longitude, payload.getInt32(24, true) / 1e7);
    report.put(Q.errorHorizontal, payload.getUint32(40, true) / 1e3);
    if (!hasHeight) return;
    const height = payload.getInt32(32, true);
    const aboveSea = payload.getInt32(36, true);
    report.put(Q.ellipsoidHeight, height / 1e3);
    report.put(Q.altitude, aboveSea / 1e3);
    report.put(Q.geoidSeparation, (height - aboveSea) / 1e3);
    report.put(Q.errorVertical, payload.getUint32(44, true) / 1e3);
  }

  #pvtVelocity(payload: DataView, hasHeading: boolean): void {
    const { report } = this;
    report.put(Q.velocityNorth, payload.getInt32(48, true) / 1e3);
    report.put(Q.velocityEast, payload.getInt32(52, true) / 1e3);
    report.put(Q.velocityDown, payload.getInt32(56, true) / 1e3);
    report.put(Q.speed, payload.getInt32(60, true) / 1e3);
    report.put(Q.course, payload.getInt32(64, true) / 1e5);
    report.put(Q.errorSpeed, payload.getUint32(68, true) / 1e3);
    report.put(Q.errorCourse, payload.getUint32(72, true) / 1e5);
    if (hasHeading) report.put(Q.heading, payload.getInt32(84, true) / 1e5);
  }

  /** The solution of receivers before NAV-PVT, in earth-centred coordinates. */
  #sol(payload: DataView): void {
    const { report } = this;
    const flags = payload.getUint8(11);
    const fixType = payload.getUint8(10);
    const isGood = (flags & 1) !== 0;
    // Week and time of week are valid each by its flag.
    if ((flags & 0x0c) === 0x0c) this.#time.week(payload.getInt16(8, true), payload.getUint32(0, true));
    this.utc = this.#time.utcOf(payload.getUint32(0, true), payload.getInt32(4, true));
    this.isClockworthy = isGood && this.utc !== undefined;
    report.put(Q.fixType, fixType);
    report.validity(Q.fixValid, isGood);
    report.putBool(Q.differential, (flags & 2) !== 0);
    report.put(Q.satellites, payload.getUint8(47));
    const hasPosition = isGood && fixType >= 1 && fixType <= 4;
    if (!hasPosition) return;
    const place = geodeticOf(...vector(payload, 12));
    const { north, east, down } = localVelocity(place, ...vector(payload, 28));
    report.put(Q.latitude, place.latitude);
    report.put(Q.longitude, place.longitude);
    if (fixType !== 2) report.put(Q.ellipsoidHeight, place.height);
    report.put(Q.errorPosition, payload.getUint32(24, true) / 100);
    report.put(Q.velocityNorth, north);
    report.put(Q.velocityEast, east);
    report.put(Q.velocityDown, down);
    report.put(Q.speed, Math.hypot(north, east));
    report.put(Q.course, ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360);
    report.put(Q.errorSpeed, payload.getUint32(40, true) / 100);
    report.put(Q.pdop, payload.getUint16(44, true) / 100);
  }

  #dop(payload: DataView): void {
    this.utc = this.#time.utcOf(payload.getUint32(0, true), 0);
    for (const [index, quantity] of DOPS.entries()) {
      const value = payload.getUint16(4 + 2 * index, true);
      // 99.99 stands for none.
      if (value < 9999) this.report.put(quantity, value / 100);
    }
  }

  /** Satellites by the channels of older receivers. */
  #svinfo(payload: DataView): void {
    this.utc = this.#time.utcOf(payload.getUint32(0, true), 0);
    this.#satellites(payload, payload.getUint8(4), (at) => ({
      satellite: satelliteOfSvinfo(payload.getUint8(at + 1)),
      isUsed: (payload.getUint8(at + 2) & 1) !== 0,
      signal: payload.getUint8(at + 4),
      elevation: payload.getInt8(at + 5),
      azimuth: payload.getInt16(at + 6, true),
    }));
  }

  #sat(payload: DataView): void {
    this.utc = this.#time.utcOf(payload.getUint32(0, true), 0);
    this.#satellites(payload, payload.getUint8(5), (at) => ({
      satellite: satelliteOfSat(payload.getUint8(at), payload.getUint8(at + 1)),
      isUsed: (payload.getUint32(at + 8, true) & 8) !== 0,
      signal: payload.getUint8(at + 2),
      elevation: payload.getInt8(at + 3),
      azimuth: payload.getInt16(at + 4, true),
    }));
  }

  /** @param count what the message states; one that is cut off has fewer */
  #satellites(payload: DataView, count: number, sightingAt: (at: number) => Sighting): void {
    const { report } = this;
    const inView: Partial<Record<SatelliteSystem, number>> = {};
    const used: Partial<Record<SatelliteSystem, number>> = {};
    const end = Math.min(payload.byteLength, SATELLITES_AT + count * SATELLITE_BYTES);
    for (let at = SATELLITES_AT; at + SATELLITE_BYTES <= end; at += SATELLITE_BYTES) {
      const { satellite, isUsed, signal, elevation, azimuth } = sightingAt(at);
      if (satellite === undefined) continue;
      const { system } = satellite;
      inView[system] = (inView[system] ?? 0) + 1;
      used[system] = (used[system] ?? 0) + (isUsed ? 1 : 0);
      if (!this.#withSatellites) continue;
      report.putBool(satellite.used, isUsed);
      report.put(satellite.signal, signal);
      // Beyond the zenith it says that the receiver does not know where the satellite is.
      if (Math.abs(elevation) > 90) continue;
      report.put(satellite.elevation, elevation);
      report.put(satellite.azimuth, azimuth);
    }
    for (const system of SATELLITE_SYSTEMS) {
      report.put(VIEW_COUNTS[system], inView[system]);
      report.put(USED_COUNTS[system], used[system]);
    }
  }

  #timeGps(payload: DataView): void {
    const valid = payload.getUint8(11);
    const timeOfWeek = payload.getUint32(0, true);
    if ((valid & 4) !== 0) this.#time.leapSeconds(payload.getInt8(10));
    if ((valid & 3) === 3) this.#time.week(payload.getInt16(8, true), timeOfWeek);
    this.utc = this.#time.utcOf(timeOfWeek, payload.getInt32(4, true));
    if ((valid & 3) === 3) this.report.put(Q.errorTime, payload.getUint32(12, true) / 1e9);
  }
}

/** Bytes before the satellites of NAV-SVINFO and NAV-SAT, and of each. */
const SATELLITES_AT = 8;
const SATELLITE_BYTES = 12;

const DOPS = [Q.gdop, Q.pdop, Q.tdop, Q.vdop, Q.hdop, Q.ndop, Q.edop] as const;

/** Three coordinates in cm or cm/s, as m or m/s. */
function vector(payload: DataView, at: number): [number, number, number] {
  return [payload.getInt32(at, true) / 100, payload.getInt32(at + 4, true) / 100, payload.getInt32(at + 8, true) / 100];
}

/** UTC of a NAV-PVT, whole microseconds: calendar fields rounded to a second, and the nanoseconds from there, negative too. */
function pvtUtc(payload: DataView): number {
  const day = Date.UTC(payload.getUint16(4, true), payload.getUint8(6) - 1, payload.getUint8(7)) * 1e3;
  const minutes = payload.getUint8(8) * 60 + payload.getUint8(9);
  const ofDay = (minutes * 60 + payload.getUint8(10)) * 1e6 + payload.getInt32(16, true) / 1e3;
  return day + Math.round(Math.min(ofDay, DAY_US));
}
