import type { Fields } from './fields.ts';
import { QUANTITIES as Q } from './quantities.ts';
import type { Report } from './report.ts';
import {
  SATELLITE_SYSTEMS,
  type SatelliteSystem,
  satelliteOfNmea,
  systemOfId,
  systemOfTalker,
  USED_COUNTS,
  VIEW_COUNTS,
} from './satellites.ts';

/** Takes the fields of one sentence type; `talker` is the two letters before the type. */
export type Decode = (fields: Fields, report: Report, talker: string) => void;

/** Sentences of satellite receivers: position, movement, time, quality. */
export const GNSS_SENTENCES: Readonly<Record<string, Decode>> = {
  GGA(fields, report) {
    report.time(fields.timeOfDay(1));
    const quality = fields.number(6);
    report.put(Q.fixQuality, quality);
    report.put(Q.satellites, fields.number(7));
    if (quality === undefined) return;
    report.isValid = quality > 0;
    if (!report.isValid) return;
    position(fields, report, 2);
    report.put(Q.hdop, fields.number(8));
    report.put(Q.altitude, fields.numberIn(9, 'M'));
    report.put(Q.geoidSeparation, fields.numberIn(11, 'M'));
    report.put(Q.differentialAge, fields.number(13));
    report.put(Q.differentialStation, fields.number(14));
  },

  GLL(fields, report) {
    report.time(fields.timeOfDay(5));
    // The status was added in NMEA 0183 2.0; older receivers send only good positions.
    const isValid = fields.count < 7 || fields.text(6) === 'A';
    report.validity(Q.fixValid, isValid);
    if (isValid) position(fields, report, 1);
  },

  GNS(fields, report) {
    report.time(fields.timeOfDay(1));
    report.put(Q.satellites, fields.number(7));
    // One letter for each satellite system; N is "no fix".
    report.isValid = /[^N]/.test(fields.text(6));
    if (!report.isValid) return;
    position(fields, report, 2);
    report.put(Q.hdop, fields.number(8));
    report.put(Q.altitude, fields.number(9));
    report.put(Q.geoidSeparation, fields.number(10));
    report.put(Q.differentialAge, fields.number(11));
    report.put(Q.differentialStation, fields.number(12));
  },

  RMC(fields, report) {
    report.time(fields.timeOfDay(1));
    const isValid = fields.text(2) === 'A';
    report.validity(Q.fixValid, isValid);
    if (!isValid) return;
    report.day = dayOfDate(fields, fields.text(9));
    position(fields, report, 3);
    report.put(Q.speed, fields.knots(7));
    report.put(Q.course, fields.number(8));
    report.put(Q.magneticVariation, fields.sided(10, 'E', 'W'));
  },

  VTG(fields, report) {
    if (fields.text(9) === 'N') return;
    const hasLetters = fields.text(2) === 'T' || fields.text(4) === 'M' || fields.text(6) === 'N';
    if (hasLetters) {
      report.put(Q.speed, fields.speed(5) ?? fields.speed(7));
      report.put(Q.course, fields.number(1));
      report.put(Q.courseMagnetic, fields.number(3));
    } else if (fields.count === 5) {
      // Before NMEA 0183 2.0 the four numbers stood without letters.
      report.put(Q.course, fields.number(1));
      report.put(Q.courseMagnetic, fields.number(2));
      report.put(Q.speed, fields.knots(3));
    }
  },

  GSA(fields, report, talker) {
    const mode = fields.number(2);
    report.put(Q.fixMode, mode);
    if (mode !== undefined) usedSatellites(fields, report, systemOfId(fields.number(18)) ?? systemOfTalker(talker));
    if (mode === undefined || mode < 2) return;
    report.put(Q.pdop, fields.number(15));
    report.put(Q.hdop, fields.number(16));
    report.put(Q.vdop, fields.number(17));
  },

  GSV(fields, report, talker) {
    satelliteCount(fields, report, talker);
  },

  ZDA(fields, report) {
    report.time(fields.timeOfDay(1));
    const day = fields.number(2);
    const month = fields.number(3);
    const year = fields.number(4);
    if (day === undefined || month === undefined || year === undefined) return;
    report.day = dayOf(fields, year, month, day);
  },

  GST(fields, report) {
    report.time(fields.timeOfDay(1));
    report.put(Q.errorRms, fields.number(2));
    report.put(Q.errorSemiMajor, fields.number(3));
    report.put(Q.errorSemiMinor, fields.number(4));
    report.put(Q.errorOrientation, fields.number(5));
    report.put(Q.errorLatitude, fields.number(6));
    report.put(Q.errorLongitude, fields.number(7));
    report.put(Q.errorAltitude, fields.number(8));
  },

  GBS(fields, report) {
    report.time(fields.timeOfDay(1));
    report.put(Q.integrityLatitude, fields.number(2));
    report.put(Q.integrityLongitude, fields.number(3));
    report.put(Q.integrityAltitude, fields.number(4));
    report.put(Q.integrityFailed, fields.number(5));
  },
};

/** Sentences of which each satellite is wanted too. */
export const SATELLITE_SENTENCES: Readonly<Record<string, Decode>> = {
  GSV(fields, report, talker) {
    satelliteCount(fields, report, talker);
    eachSatellite(fields, report, talker);
  },
};

/** Fields of GSA: the first and the last of the satellites that are used. */
const USED_FIRST = 3;
const USED_LAST = 14;

/** Counts the satellites of a GSA by system: 0 of the one it is of, and nothing of others, where it lists none. */
function usedSatellites(fields: Fields, report: Report, system: SatelliteSystem | undefined): void {
  const counts: Partial<Record<SatelliteSystem, number>> = system === undefined ? {} : { [system]: 0 };
  for (let index = USED_FIRST; index <= USED_LAST; index += 1) {
    const satellite = satelliteOfNmea(system, fields.number(index) ?? 0);
    if (satellite !== undefined) counts[satellite.system] = (counts[satellite.system] ?? 0) + 1;
  }
  for (const one of SATELLITE_SYSTEMS) report.put(USED_COUNTS[one], counts[one]);
}

/** Fields of GSV before its satellites, and fields of each. */
const VIEW_FIRST = 4;
const VIEW_FIELDS = 4;

/** The number of satellites that a group of GSV lists, which every sentence of it repeats. */
function satelliteCount(fields: Fields, report: Report, talker: string): void {
  if (fields.number(2) !== 1) return;
  const system = systemOfTalker(talker);
  report.put(system === undefined ? Q.viewAny : VIEW_COUNTS[system], fields.number(3));
}

/** A signal that is not tracked has an empty field. */
function eachSatellite(fields: Fields, report: Report, talker: string): void {
  const system = systemOfTalker(talker);
  for (let index = VIEW_FIRST; index + VIEW_FIELDS <= fields.count; index += VIEW_FIELDS) {
    const satellite = satelliteOfNmea(system, fields.number(index) ?? 0);
    if (satellite === undefined) continue;
    report.put(satellite.elevation, fields.number(index + 1));
    report.put(satellite.azimuth, fields.number(index + 2));
    report.put(satellite.signal, fields.number(index + 3) ?? 0);
  }
}

/** A position is both coordinates or none. */
function position(fields: Fields, report: Report, index: number): void {
  const latitude = fields.latitude(index);
  const longitude = fields.longitude(index + 2);
  if (latitude === undefined || longitude === undefined) return;
  report.put(Q.latitude, latitude);
  report.put(Q.longitude, longitude);
}

/** Day of a ddmmyy field. Two digits name the years 1980 (where GPS time begins) to 2079. */
function dayOfDate(fields: Fields, text: string): number | undefined {
  if (text === '') return undefined;
  const match = /^(\d\d)(\d\d)(\d\d)$/.exec(text);
  if (match === null) {
    fields.isBad = true;
    return undefined;
  }
  const year = Number(match[3]);
  return dayOf(fields, year < 80 ? 2000 + year : 1900 + year, Number(match[2]), Number(match[1]));
}

const DAY_MS = 86_400_000;

/** Days since 1970-01-01; undefined and a bad field where the calendar has no such day. */
function dayOf(fields: Fields, year: number, month: number, day: number): number | undefined {
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day) {
    return date.getTime() / DAY_MS;
  }
  fields.isBad = true;
  return undefined;
}
