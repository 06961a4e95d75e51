import { fix, QUANTITIES, type Quantity, receiver } from '../nmea/quantities.ts';

const FIX_TYPES = {
  0: 'none',
  1: 'dead reckoning',
  2: '2D',
  3: '3D',
  4: 'GNSS and dead reckoning',
  5: 'time only',
};

const CARRIER_SOLUTIONS = { 0: 'none', 1: 'float', 2: 'fixed' };

const POWER_STATES = {
  0: 'none',
  1: 'enabled',
  2: 'acquisition',
  3: 'tracking',
  4: 'optimised tracking',
  5: 'inactive',
};

/** Labels of the age of corrections, which NAV-PVT tells in steps, seconds. */
const CORRECTION_AGES = {
  0: 'not available',
  1: '0 to 1',
  2: '1 to 2',
  3: '2 to 5',
  4: '5 to 10',
  5: '10 to 15',
  6: '15 to 20',
  7: '20 to 30',
  8: '30 to 45',
  9: '45 to 60',
  10: '60 to 90',
  11: '90 to 120',
  12: '120 or more',
};

/** What UBX messages tell: what NMEA sentences tell too under the same name, and more. */
export const UBX_QUANTITIES = {
  latitude: QUANTITIES.latitude,
  longitude: QUANTITIES.longitude,
  altitude: QUANTITIES.altitude,
  geoidSeparation: QUANTITIES.geoidSeparation,
  speed: QUANTITIES.speed,
  course: QUANTITIES.course,
  magneticVariation: QUANTITIES.magneticVariation,
  satellites: QUANTITIES.satellites,
  fixValid: QUANTITIES.fixValid,
  hdop: QUANTITIES.hdop,
  pdop: QUANTITIES.pdop,
  vdop: QUANTITIES.vdop,
  heading: fix('heading/vehicle', 'deg', 'Heading of the vehicle, true', { decimals: 2 }),
  gdop: fix('gdop', '', 'Geometric dilution of precision', { decimals: 2 }),
  tdop: fix('tdop', '', 'Time dilution of precision', { decimals: 2 }),
  ndop: fix('ndop', '', 'Northing dilution of precision', { decimals: 2 }),
  edop: fix('edop', '', 'Easting dilution of precision', { decimals: 2 }),
  ellipsoidHeight: fix('altitude/ellipsoid', 'm', 'Height above the WGS 84 ellipsoid', { decimals: 3 }),
  velocityNorth: fix('velocity/north', 'm/s', 'Velocity to the north', { decimals: 3 }),
  velocityEast: fix('velocity/east', 'm/s', 'Velocity to the east', { decimals: 3 }),
  velocityDown: fix('velocity/down', 'm/s', 'Velocity downwards', { decimals: 3 }),
  errorHorizontal: fix('error/horizontal', 'm', 'Estimated horizontal error', { decimals: 3 }),
  errorVertical: fix('error/vertical', 'm', 'Estimated vertical error', { decimals: 3 }),
  errorPosition: fix('error/position', 'm', 'Estimated error of the position in three dimensions', { decimals: 2 }),
  errorSpeed: fix('error/speed', 'm/s', 'Estimated error of the speed', { decimals: 3 }),
  errorCourse: fix('error/course', 'deg', 'Estimated error of course and heading', { decimals: 2 }),
  errorVariation: fix('error/magnetic-variation', 'deg', 'Error of the magnetic variation', { decimals: 2 }),
  errorTime: receiver('error/time', 's', 'Estimated error of the time', { decimals: 9 }),
  fixType: receiver('fix/type', '', 'Kind of fix', { type: 'enum', labels: FIX_TYPES }),
  carrierSolution: receiver('fix/carrier', '', 'Carrier phase solution (RTK)', {
    type: 'enum',
    labels: CARRIER_SOLUTIONS,
  }),
  differential: receiver('fix/differential', '', 'Differential corrections were applied', { type: 'bool' }),
  positionInvalid: receiver('fix/position-invalid', '', 'The receiver calls its coordinates invalid', {
    type: 'bool',
  }),
  correctionAge: receiver('differential/age/step', '', 'Age of the differential corrections, seconds', {
    type: 'enum',
    labels: CORRECTION_AGES,
  }),
  powerState: receiver('power-save', '', 'Power save mode', { type: 'enum', labels: POWER_STATES }),
  dateValid: receiver('time/date-valid', '', 'The UTC date is valid', { type: 'bool' }),
  timeValid: receiver('time/valid', '', 'The UTC time of day is valid', { type: 'bool' }),
  timeResolved: receiver('time/resolved', '', 'The UTC time of day has no ambiguity of seconds left', {
    type: 'bool',
  }),
  dateConfirmed: receiver('time/date-confirmed', '', 'The UTC date was confirmed by a second source', {
    type: 'bool',
  }),
  timeConfirmed: receiver('time/confirmed', '', 'The UTC time was confirmed by a second source', { type: 'bool' }),
} as const satisfies Record<string, Quantity>;
