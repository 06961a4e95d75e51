import type { Fields } from './fields.ts';
import type { Decode } from './gnss-sentences.ts';
import { QUANTITIES as Q, type Quantity } from './quantities.ts';
import type { Report } from './report.ts';

/** Sentences of instruments and of navigation along a route. */
export const MARINE_SENTENCES: Readonly<Record<string, Decode>> = {
  HDT: (fields, report) => report.put(Q.heading, fields.number(1)),
  THS(fields, report) {
    if (fields.text(2) !== 'V') report.put(Q.heading, fields.number(1));
  },
  HDM: (fields, report) => report.put(Q.headingMagnetic, fields.number(1)),
  HDG(fields, report) {
    const sensor = fields.number(1);
    const deviation = fields.sided(2, 'E', 'W') ?? 0;
    if (sensor !== undefined) report.put(Q.headingMagnetic, (sensor + deviation + 360) % 360);
    report.put(Q.headingVariation, fields.sided(4, 'E', 'W'));
  },
  ROT(fields, report) {
    if (fields.text(2) === 'A') report.put(Q.rateOfTurn, fields.number(1));
  },
  RSA(fields, report) {
    if (fields.text(2) === 'A') report.put(Q.rudderStarboard, fields.number(1));
    if (fields.text(4) === 'A') report.put(Q.rudderPort, fields.number(3));
  },

  DBT: (fields, report) => report.put(Q.depthTransducer, fields.depth(1)),
  DBS: (fields, report) => report.put(Q.depthSurface, fields.depth(1)),
  DBK: (fields, report) => report.put(Q.depthKeel, fields.depth(1)),
  DPT(fields, report) {
    report.put(Q.depthTransducer, fields.number(1));
    report.put(Q.depthOffset, fields.number(2));
  },

  MTW: (fields, report) => report.put(Q.waterTemperature, fields.numberIn(1, 'C')),
  VHW(fields, report) {
    report.put(Q.heading, fields.numberIn(1, 'T'));
    report.put(Q.headingMagnetic, fields.numberIn(3, 'M'));
    report.put(Q.waterSpeed, fields.speed(5) ?? fields.speed(7));
  },
  VLW(fields, report) {
    report.put(Q.waterLog, fields.miles(1));
    report.put(Q.waterTrip, fields.miles(3));
    report.put(Q.groundLog, fields.miles(5));
    report.put(Q.groundTrip, fields.miles(7));
  },
  VBW(fields, report) {
    if (fields.text(3) === 'A') {
      report.put(Q.waterSpeed, fields.knots(1));
      report.put(Q.waterSpeedAcross, fields.knots(2));
    }
    if (fields.text(6) === 'A') {
      report.put(Q.groundSpeedAhead, fields.knots(4));
      report.put(Q.groundSpeedAcross, fields.knots(5));
    }
  },
  VDR(fields, report) {
    report.put(Q.currentDirection, fields.numberIn(1, 'T'));
    report.put(Q.currentDirectionMagnetic, fields.numberIn(3, 'M'));
    report.put(Q.currentSpeed, fields.speed(5));
  },

  MWV(fields, report) {
    if (fields.text(5) !== 'A') return;
    const isTrue = fields.text(2) === 'T';
    report.put(isTrue ? Q.windTrueAngle : Q.windApparentAngle, fields.number(1));
    report.put(isTrue ? Q.windTrueSpeed : Q.windApparentSpeed, fields.speed(3));
  },
  VWR: (fields, report) => windBySide(fields, report, Q.windApparentAngle, Q.windApparentSpeed),
  VWT: (fields, report) => windBySide(fields, report, Q.windTrueAngle, Q.windTrueSpeed),
  MWD(fields, report) {
    report.put(Q.windDirection, fields.numberIn(1, 'T'));
    report.put(Q.windDirectionMagnetic, fields.numberIn(3, 'M'));
    report.put(Q.windSpeed, fields.speed(5) ?? fields.speed(7));
  },
  VPW: (fields, report) => report.put(Q.windMadeGood, fields.speed(1) ?? fields.speed(3)),
  MDA(fields, report) {
    report.put(Q.airPressure, fields.numberIn(3, 'B'));
    report.put(Q.airTemperature, fields.numberIn(5, 'C'));
    report.put(Q.waterTemperature, fields.numberIn(7, 'C'));
    report.put(Q.airHumidity, fields.number(9));
    report.put(Q.airDewPoint, fields.numberIn(11, 'C'));
    report.put(Q.windDirection, fields.numberIn(13, 'T'));
    report.put(Q.windDirectionMagnetic, fields.numberIn(15, 'M'));
    report.put(Q.windSpeed, fields.speed(17) ?? fields.speed(19));
  },
  MMB: (fields, report) => report.put(Q.airPressure, fields.numberIn(3, 'B')),
  MTA: (fields, report) => report.put(Q.airTemperature, fields.numberIn(1, 'C')),

  XTE(fields, report) {
    if (fields.text(1) === 'A' && fields.text(2) === 'A') crossTrack(fields, report, 3);
  },
  BOD(fields, report) {
    report.put(Q.legBearing, fields.numberIn(1, 'T'));
    report.put(Q.legBearingMagnetic, fields.numberIn(3, 'M'));
  },
  RMB(fields, report) {
    if (fields.text(1) !== 'A') return;
    // The side stands behind the magnitude as in XTE, but the unit is always nautical miles.
    const off = fields.miles(2);
    if (off !== undefined) report.put(Q.crossTrack, fields.text(3) === 'L' ? -off : off);
    report.put(Q.waypointRange, fields.miles(10));
    report.put(Q.waypointBearing, fields.number(11));
    report.put(Q.waypointClosing, fields.knots(12));
    status(fields, report, 13, Q.waypointArrived);
  },
  APB(fields, report) {
    if (fields.text(1) !== 'A' || fields.text(2) !== 'A') return;
    crossTrack(fields, report, 3);
    status(fields, report, 6, Q.waypointArrived);
    status(fields, report, 7, Q.waypointPassed);
    bearing(fields, report, 8, Q.legBearing, Q.legBearingMagnetic);
    bearing(fields, report, 11, Q.waypointBearing, Q.waypointBearingMagnetic);
    bearing(fields, report, 13, Q.steer, Q.steerMagnetic);
  },
  AAM(fields, report) {
    status(fields, report, 1, Q.waypointArrived);
    status(fields, report, 2, Q.waypointPassed);
  },
  BWC: waypoint,
  BWR: waypoint,
  WCV: (fields, report) => report.put(Q.waypointClosing, fields.speed(1)),
};

function waypoint(fields: Fields, report: Report): void {
  report.put(Q.waypointBearing, fields.numberIn(6, 'T'));
  report.put(Q.waypointBearingMagnetic, fields.numberIn(8, 'M'));
  if (fields.text(11) === 'N') report.put(Q.waypointRange, fields.miles(10));
}

/** Wind as 0 to 180 degrees on the left or right of the bow; here always clockwise from the bow. */
function windBySide(fields: Fields, report: Report, angle: Quantity, speed: Quantity): void {
  const side = fields.sided(1, 'R', 'L');
  if (side !== undefined) report.put(angle, side < 0 ? side + 360 : side);
  report.put(speed, fields.speed(3) ?? fields.speed(5) ?? fields.speed(7));
}

/** Magnitude, side to steer to, unit: N nautical miles, K kilometres. */
function crossTrack(fields: Fields, report: Report, index: number): void {
  const side = fields.sided(index, 'R', 'L');
  const unit = fields.text(index + 2);
  if (side === undefined || (unit !== 'N' && unit !== 'K')) return;
  report.put(Q.crossTrack, side * (unit === 'N' ? 1852 : 1000));
}

function status(fields: Fields, report: Report, index: number, quantity: Quantity): void {
  const text = fields.text(index);
  if (text === 'A' || text === 'V') report.putBool(quantity, text === 'A');
}

function bearing(fields: Fields, report: Report, index: number, whenTrue: Quantity, whenMagnetic: Quantity): void {
  report.put(whenTrue, fields.numberIn(index, 'T'));
  report.put(whenMagnetic, fields.numberIn(index, 'M'));
}
