import { type Satellite, type SatelliteSystem, satelliteOf } from '../nmea/satellites.ts';

/** Systems by u-blox's `gnssId`; 4 is IMES, transmitters in buildings. */
const GNSS_IDS: readonly (SatelliteSystem | undefined)[] = [
  'gps',
  'sbas',
  'galileo',
  'beidou',
  undefined,
  'qzss',
  'glonass',
  'navic',
];

/** Ranges of the single number that messages of protocol versions before 15 have, less `shift`. */
const SINGLE_NUMBERS: readonly (readonly [first: number, last: number, system: SatelliteSystem, shift: number])[] = [
  [1, 32, 'gps', 0],
  [33, 64, 'beidou', 27],
  [65, 96, 'glonass', 64],
  [120, 158, 'sbas', 0],
  [159, 163, 'beidou', 158],
  [193, 202, 'qzss', 192],
  [211, 246, 'galileo', 210],
];

/** The satellite of NAV-SAT; undefined where no satellite has that number, as a GLONASS satellite not yet identified (255). */
export function satelliteOfSat(gnssId: number, svId: number): Satellite | undefined {
  const system = GNSS_IDS[gnssId];
  return system && satelliteOf(system, svId);
}

/** The satellite of NAV-SVINFO; undefined where no satellite has that number. */
export function satelliteOfSvinfo(svid: number): Satellite | undefined {
  const range = SINGLE_NUMBERS.find(([first, last]) => svid >= first && svid <= last);
  return range && satelliteOf(range[2], svid - range[3]);
}
