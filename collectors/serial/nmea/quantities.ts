import type { ChannelType } from '../../../gateway/channel.ts';

/**
 * What sentences tell, each with the channel it becomes. Speeds are m/s (a knot is exactly 1852/3600 m/s), distances
 * and depths m, so that sentences that tell the same in other units agree.
 */
export interface Quantity {
  /** Path of the channel below the source. */
  readonly path: string;
  readonly unit: string;
  readonly type: ChannelType;
  readonly description: string;
  readonly decimals?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly origin: Origin;
}

/**
 * - `fix`: belongs to a position fix, and so has the UTC of that fix.
 * - `receiver`: the state of the receiver and its route, repeated with each fix but told also when there is none.
 * - `instrument`: measured by something that has no clock.
 */
export type Origin = 'fix' | 'receiver' | 'instrument';

type Extra = Partial<Pick<Quantity, 'type' | 'decimals' | 'labels'>>;

/** A quantity of a fix. */
export function fix(path: string, unit: string, description: string, extra: Extra = {}): Quantity {
  return { path, unit, description, type: 'number', origin: 'fix', ...extra };
}

/** A quantity of a receiver's state. */
export function receiver(path: string, unit: string, description: string, extra: Extra = {}): Quantity {
  return { path, unit, description, type: 'number', origin: 'receiver', ...extra };
}

function instrument(path: string, unit: string, description: string, extra: Extra = {}): Quantity {
  return { path, unit, description, type: 'number', origin: 'instrument', ...extra };
}

/** Labels of GGA's quality field. */
const QUALITY_LABELS = {
  0: 'none',
  1: 'GNSS',
  2: 'differential',
  3: 'PPS',
  4: 'RTK fixed',
  5: 'RTK float',
  6: 'estimated',
  7: 'manual',
  8: 'simulated',
};

export const QUANTITIES = {
  latitude: fix('position/latitude', 'deg', 'Latitude, north positive', { decimals: 7 }),
  longitude: fix('position/longitude', 'deg', 'Longitude, east positive', { decimals: 7 }),
  altitude: fix('altitude', 'm', 'Height above mean sea level', { decimals: 2 }),
  geoidSeparation: fix('geoid-separation', 'm', 'Mean sea level above the WGS 84 ellipsoid', { decimals: 2 }),
  speed: fix('speed', 'm/s', 'Speed over ground', { decimals: 2 }),
  course: fix('course', 'deg', 'Course over ground, true', { decimals: 1 }),
  courseMagnetic: fix('course/magnetic', 'deg', 'Course over ground, magnetic', { decimals: 1 }),
  magneticVariation: fix('magnetic-variation', 'deg', 'Magnetic variation, east positive', { decimals: 1 }),
  satellites: receiver('satellites', '', 'Satellites used in the fix', { decimals: 0 }),
  hdop: fix('hdop', '', 'Horizontal dilution of precision', { decimals: 2 }),
  pdop: fix('pdop', '', 'Position dilution of precision', { decimals: 2 }),
  vdop: fix('vdop', '', 'Vertical dilution of precision', { decimals: 2 }),
  fixValid: receiver('fix/valid', '', 'The receiver calls its data valid', { type: 'bool' }),
  fixQuality: receiver('fix/quality', '', 'Kind of fix', { type: 'enum', labels: QUALITY_LABELS }),
  fixMode: receiver('fix/mode', '', 'Dimensions of the fix', { type: 'enum', labels: { 1: 'none', 2: '2D', 3: '3D' } }),
  differentialAge: fix('differential/age', 's', 'Age of the differential corrections', { decimals: 1 }),
  differentialStation: fix('differential/station', '', 'Number of the reference station', { decimals: 0 }),
  errorRms: fix('error/rms', 'm', 'RMS of the range inputs', { decimals: 2 }),
  errorSemiMajor: fix('error/semi-major', 'm', 'Error ellipse, semi-major axis, 1 sigma', { decimals: 2 }),
  errorSemiMinor: fix('error/semi-minor', 'm', 'Error ellipse, semi-minor axis, 1 sigma', { decimals: 2 }),
  errorOrientation: fix('error/orientation', 'deg', 'Error ellipse, bearing of the semi-major axis', { decimals: 1 }),
  errorLatitude: fix('error/latitude', 'm', 'Error of latitude, 1 sigma', { decimals: 2 }),
  errorLongitude: fix('error/longitude', 'm', 'Error of longitude, 1 sigma', { decimals: 2 }),
  errorAltitude: fix('error/altitude', 'm', 'Error of altitude, 1 sigma', { decimals: 2 }),
  integrityLatitude: fix('integrity/latitude', 'm', 'Expected error of latitude (RAIM)', { decimals: 1 }),
  integrityLongitude: fix('integrity/longitude', 'm', 'Expected error of longitude (RAIM)', { decimals: 1 }),
  integrityAltitude: fix('integrity/altitude', 'm', 'Expected error of altitude (RAIM)', { decimals: 1 }),
  integrityFailed: fix('integrity/failed-satellite', '', 'Most likely failed satellite', { decimals: 0 }),
  viewGps: receiver('satellites/view/gps', '', 'GPS satellites in view', { decimals: 0 }),
  viewSbas: receiver('satellites/view/sbas', '', 'SBAS satellites in view', { decimals: 0 }),
  viewGlonass: receiver('satellites/view/glonass', '', 'GLONASS satellites in view', { decimals: 0 }),
  viewGalileo: receiver('satellites/view/galileo', '', 'Galileo satellites in view', { decimals: 0 }),
  viewBeidou: receiver('satellites/view/beidou', '', 'BeiDou satellites in view', { decimals: 0 }),
  viewQzss: receiver('satellites/view/qzss', '', 'QZSS satellites in view', { decimals: 0 }),
  viewNavic: receiver('satellites/view/navic', '', 'NavIC satellites in view', { decimals: 0 }),
  viewAny: receiver('satellites/view/any', '', 'Satellites in view, all systems together', { decimals: 0 }),
  usedGps: receiver('satellites/used/gps', '', 'GPS satellites used in the fix', { decimals: 0 }),
  usedSbas: receiver('satellites/used/sbas', '', 'SBAS satellites used in the fix', { decimals: 0 }),
  usedGlonass: receiver('satellites/used/glonass', '', 'GLONASS satellites used in the fix', { decimals: 0 }),
  usedGalileo: receiver('satellites/used/galileo', '', 'Galileo satellites used in the fix', { decimals: 0 }),
  usedBeidou: receiver('satellites/used/beidou', '', 'BeiDou satellites used in the fix', { decimals: 0 }),
  usedQzss: receiver('satellites/used/qzss', '', 'QZSS satellites used in the fix', { decimals: 0 }),
  usedNavic: receiver('satellites/used/navic', '', 'NavIC satellites used in the fix', { decimals: 0 }),
  crossTrack: receiver('navigation/cross-track', 'm', 'Off the track, positive when to steer right', { decimals: 0 }),
  waypointRange: receiver('navigation/range', 'm', 'Range to the waypoint', { decimals: 0 }),
  waypointBearing: receiver('navigation/bearing', 'deg', 'Bearing to the waypoint, true', { decimals: 1 }),
  waypointBearingMagnetic: receiver('navigation/bearing/magnetic', 'deg', 'Bearing to the waypoint, magnetic', {
    decimals: 1,
  }),
  waypointClosing: receiver('navigation/closing-speed', 'm/s', 'Speed towards the waypoint', { decimals: 2 }),
  waypointArrived: receiver('navigation/arrived', '', 'Inside the arrival circle', { type: 'bool' }),
  waypointPassed: receiver('navigation/passed', '', 'Perpendicular at the waypoint passed', { type: 'bool' }),
  legBearing: receiver('navigation/leg', 'deg', 'Bearing from origin to waypoint, true', { decimals: 1 }),
  legBearingMagnetic: receiver('navigation/leg/magnetic', 'deg', 'Bearing from origin to waypoint, magnetic', {
    decimals: 1,
  }),
  steer: receiver('navigation/steer', 'deg', 'Heading to steer, true', { decimals: 1 }),
  steerMagnetic: receiver('navigation/steer/magnetic', 'deg', 'Heading to steer, magnetic', { decimals: 1 }),
  heading: instrument('heading', 'deg', 'Heading, true', { decimals: 1 }),
  headingMagnetic: instrument('heading/magnetic', 'deg', 'Heading, magnetic', { decimals: 1 }),
  headingVariation: instrument('heading/variation', 'deg', 'Variation the compass uses, east positive', {
    decimals: 1,
  }),
  rateOfTurn: instrument('rate-of-turn', 'deg/min', 'Rate of turn, positive to starboard', { decimals: 1 }),
  rudderStarboard: instrument('rudder/starboard', 'deg', 'Starboard or single rudder, positive to starboard', {
    decimals: 1,
  }),
  rudderPort: instrument('rudder/port', 'deg', 'Port rudder, positive to starboard', { decimals: 1 }),
  depthTransducer: instrument('depth/transducer', 'm', 'Depth below the transducer', { decimals: 2 }),
  depthOffset: instrument('depth/offset', 'm', 'Transducer to waterline (positive) or to keel (negative)', {
    decimals: 2,
  }),
  depthSurface: instrument('depth/surface', 'm', 'Depth below the surface', { decimals: 2 }),
  depthKeel: instrument('depth/keel', 'm', 'Depth below the keel', { decimals: 2 }),
  waterTemperature: instrument('water/temperature', '°C', 'Temperature of the water', { decimals: 1 }),
  waterSpeed: instrument('water/speed', 'm/s', 'Speed through the water', { decimals: 2 }),
  waterSpeedAcross: instrument('water/speed/across', 'm/s', 'Speed through the water, positive to starboard', {
    decimals: 2,
  }),
  groundSpeedAhead: instrument('ground/speed', 'm/s', 'Speed over ground along the ship', { decimals: 2 }),
  groundSpeedAcross: instrument('ground/speed/across', 'm/s', 'Speed over ground, positive to starboard', {
    decimals: 2,
  }),
  waterLog: instrument('water/log', 'm', 'Distance through the water since the log was set', { decimals: 0 }),
  waterTrip: instrument('water/trip', 'm', 'Distance through the water since reset', { decimals: 0 }),
  groundLog: instrument('ground/log', 'm', 'Distance over ground since the log was set', { decimals: 0 }),
  groundTrip: instrument('ground/trip', 'm', 'Distance over ground since reset', { decimals: 0 }),
  currentDirection: instrument('current/direction', 'deg', 'Set of the current, true', { decimals: 1 }),
  currentDirectionMagnetic: instrument('current/direction/magnetic', 'deg', 'Set of the current, magnetic', {
    decimals: 1,
  }),
  currentSpeed: instrument('current/speed', 'm/s', 'Drift of the current', { decimals: 2 }),
  windApparentAngle: instrument('wind/apparent/angle', 'deg', 'Apparent wind, from the bow clockwise', {
    decimals: 1,
  }),
  windApparentSpeed: instrument('wind/apparent/speed', 'm/s', 'Speed of the apparent wind', { decimals: 2 }),
  windTrueAngle: instrument('wind/true/angle', 'deg', 'True wind, from the bow clockwise', { decimals: 1 }),
  windTrueSpeed: instrument('wind/true/speed', 'm/s', 'Speed of the true wind', { decimals: 2 }),
  windDirection: instrument('wind/direction', 'deg', 'Direction the wind comes from, true', { decimals: 1 }),
  windDirectionMagnetic: instrument('wind/direction/magnetic', 'deg', 'Direction the wind comes from, magnetic', {
    decimals: 1,
  }),
  windSpeed: instrument('wind/speed', 'm/s', 'Speed of the wind over ground', { decimals: 2 }),
  windMadeGood: instrument('wind/made-good', 'm/s', 'Speed made good parallel to the wind', { decimals: 2 }),
  airPressure: instrument('air/pressure', 'bar', 'Barometric pressure', { decimals: 4 }),
  airTemperature: instrument('air/temperature', '°C', 'Temperature of the air', { decimals: 1 }),
  airHumidity: instrument('air/humidity', '%', 'Relative humidity', { decimals: 1 }),
  airDewPoint: instrument('air/dew-point', '°C', 'Dew point', { decimals: 1 }),
} as const satisfies Record<string, Quantity>;

/** A value of a transducer (XDR), which is named only in the sentence. */
export function transducer(name: string, unit: string): Quantity {
  return instrument(`transducer/${name}`, unit, `Transducer ${name}`);
}

/** Revolutions of an engine or shaft (RPM), which is numbered only in the sentence. */
export function revolutions(what: 'engine' | 'shaft', number: number): Quantity {
  return instrument(`${what}/${number}/speed`, 'rpm', `Revolutions of ${what} ${number}`, { decimals: 0 });
}
