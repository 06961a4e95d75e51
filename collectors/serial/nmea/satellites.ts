import { QUANTITIES as Q, type Quantity, receiver } from './quantities.ts';

/**
 * Satellite systems and the numbers their satellites may have, as RINEX counts them: the PRN, of GLONASS the slot. Together they
 * bound the channels of one receiver, {@link SATELLITES_MAX} satellites.
 */
const NUMBERS = {
  gps: [1, 32],
  sbas: [120, 158],
  galileo: [1, 36],
  beidou: [1, 63],
  qzss: [1, 10],
  glonass: [1, 32],
  navic: [1, 14],
} as const satisfies Record<string, readonly [least: number, greatest: number]>;

export type SatelliteSystem = keyof typeof NUMBERS;

export const SATELLITE_SYSTEMS = Object.keys(NUMBERS) as readonly SatelliteSystem[];

export const SATELLITES_MAX = Object.values(NUMBERS).reduce((all, [least, greatest]) => all + greatest - least + 1, 0);

const TITLES: Readonly<Record<SatelliteSystem, string>> = {
  gps: 'GPS',
  sbas: 'SBAS',
  galileo: 'Galileo',
  beidou: 'BeiDou',
  qzss: 'QZSS',
  glonass: 'GLONASS',
  navic: 'NavIC',
};

/** How many satellites of each system are in view, and used in the fix. */
export const VIEW_COUNTS: Readonly<Record<SatelliteSystem, Quantity>> = {
  gps: Q.viewGps,
  sbas: Q.viewSbas,
  galileo: Q.viewGalileo,
  beidou: Q.viewBeidou,
  qzss: Q.viewQzss,
  glonass: Q.viewGlonass,
  navic: Q.viewNavic,
};
export const USED_COUNTS: Readonly<Record<SatelliteSystem, Quantity>> = {
  gps: Q.usedGps,
  sbas: Q.usedSbas,
  galileo: Q.usedGalileo,
  beidou: Q.usedBeidou,
  qzss: Q.usedQzss,
  glonass: Q.usedGlonass,
  navic: Q.usedNavic,
};

/** A satellite, and what a receiver tells of it. */
export interface Satellite {
  readonly system: SatelliteSystem;
  readonly elevation: Quantity;
  readonly azimuth: Quantity;
  readonly signal: Quantity;
  readonly used: Quantity;
}

function satellitesOf(system: SatelliteSystem): ReadonlyMap<number, Satellite> {
  const [least, greatest] = NUMBERS[system];
  const satellites = new Map<number, Satellite>();
  for (let number = least; number <= greatest; number += 1) {
    const path = `satellites/${system}/${number}`;
    const name = `${TITLES[system]} ${number}`;
    satellites.set(number, {
      system,
      elevation: receiver(`${path}/elevation`, 'deg', `Elevation of ${name}`, { decimals: 0 }),
      azimuth: receiver(`${path}/azimuth`, 'deg', `Azimuth of ${name}, true`, { decimals: 0 }),
      signal: receiver(`${path}/snr`, 'dB-Hz', `Signal of ${name} over noise; 0 while it is not tracked`, {
        decimals: 0,
      }),
      used: receiver(`${path}/used`, '', `${name} is used in the fix`, { type: 'bool' }),
    });
  }
  return satellites;
}

const SATELLITES = Object.fromEntries(SATELLITE_SYSTEMS.map((system) => [system, satellitesOf(system)])) as Readonly<
  Record<SatelliteSystem, ReadonlyMap<number, Satellite>>
>;

/** A satellite by the number it has in its system; undefined where the system has none of that number. */
export function satelliteOf(system: SatelliteSystem, number: number): Satellite | undefined {
  return SATELLITES[system].get(number);
}

/** Numbers from `first` to `last` of a sentence are those of a system, less `shift`. */
type Range = readonly [first: number, last: number, system: SatelliteSystem, shift: number];

/** What numbers of NMEA 0183 mean whoever speaks: the standard's own ranges, and those that receivers added. */
const COMMON_RANGES: readonly Range[] = [
  [1, 32, 'gps', 0],
  [33, 64, 'sbas', -87],
  [65, 96, 'glonass', 64],
  [120, 158, 'sbas', 0],
  [193, 200, 'qzss', 192],
  [201, 263, 'beidou', 200],
  [301, 336, 'galileo', 300],
  [401, 463, 'beidou', 400],
];

/** Satellites by the number that a sentence gives them; `own` is how the system of the sentence counts its own. */
function byNmeaNumber(own: Range | undefined): readonly (Satellite | undefined)[] {
  const satellites: (Satellite | undefined)[] = new Array(1 + Math.max(...COMMON_RANGES.map(([, last]) => last)));
  for (const [first, last, system, shift] of own === undefined ? COMMON_RANGES : [...COMMON_RANGES, own]) {
    for (let number = first; number <= last; number += 1) satellites[number] = satelliteOf(system, number - shift);
  }
  return satellites;
}

const OF_SEVERAL = byNmeaNumber(undefined);
const OF_SYSTEM: Readonly<Record<SatelliteSystem, readonly (Satellite | undefined)[]>> = {
  gps: OF_SEVERAL,
  sbas: OF_SEVERAL,
  galileo: byNmeaNumber([1, 36, 'galileo', 0]),
  beidou: byNmeaNumber([1, 63, 'beidou', 0]),
  qzss: byNmeaNumber([1, 10, 'qzss', 0]),
  glonass: byNmeaNumber([1, 32, 'glonass', 0]),
  navic: byNmeaNumber([1, 14, 'navic', 0]),
};

/** Systems by the talker of a sentence; others, as GN, speak for several. */
const TALKERS: Readonly<Record<string, SatelliteSystem>> = {
  GP: 'gps',
  GL: 'glonass',
  GA: 'galileo',
  GB: 'beidou',
  BD: 'beidou',
  GQ: 'qzss',
  QZ: 'qzss',
  GI: 'navic',
};

/** Systems by the id that sentences have since NMEA 0183 4.10, from 1. */
const SYSTEM_IDS: readonly SatelliteSystem[] = ['gps', 'glonass', 'galileo', 'beidou', 'qzss', 'navic'];

/** The one system that a sentence is of, by its talker; undefined where it may be several. */
export function systemOfTalker(talker: string): SatelliteSystem | undefined {
  return TALKERS[talker];
}

/** The system of an id of NMEA 0183 4.10. */
export function systemOfId(id: number | undefined): SatelliteSystem | undefined {
  return id === undefined ? undefined : SYSTEM_IDS[id - 1];
}

/**
 * A satellite by the number that a sentence gives it; undefined where no satellite has that.
 * @param system the one that the sentence is of, if it is of one
 */
export function satelliteOfNmea(system: SatelliteSystem | undefined, number: number): Satellite | undefined {
  return (system === undefined ? OF_SEVERAL : OF_SYSTEM[system])[number];
}
