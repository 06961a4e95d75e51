import t from 'tap';
import { NAMED_QUANTITIES_MAX, NmeaDecoder, SENTENCE_TYPES } from '../../../../collectors/serial/nmea/decoder.ts';
import { SATELLITES_MAX } from '../../../../collectors/serial/nmea/satellites.ts';
import { decode } from './decode.ts';

const KNOT = 1852 / 3600;

/** A sentence and all it tells, by the path of each channel. Sentences as devices or the standard's examples spell them. */
const CASES: readonly (readonly [sentence: string, told: Readonly<Record<string, number>>])[] = [
  [
    'GPGGA,172814.0,3723.46587704,N,12202.26957864,W,2,6,1.2,18.893,M,-25.669,M,2.0,0031',
    {
      'fix/quality': 2,
      satellites: 6,
      'position/latitude': 37 + 23.46587704 / 60,
      'position/longitude': -(122 + 2.26957864 / 60),
      hdop: 1.2,
      altitude: 18.893,
      'geoid-separation': -25.669,
      'differential/age': 2,
      'differential/station': 31,
    },
  ],
  ['GPGGA,,,,,,0,,,,M,,M,,', { 'fix/quality': 0 }],
  [
    'GPGLL,4916.45,N,12311.12,W,225444,A',
    { 'fix/valid': 1, 'position/latitude': 49 + 16.45 / 60, 'position/longitude': -(123 + 11.12 / 60) },
  ],
  [
    'GPGLL,4916.45,S,12311.12,E',
    { 'fix/valid': 1, 'position/latitude': -(49 + 16.45 / 60), 'position/longitude': 123 + 11.12 / 60 },
  ],
  ['GPGLL,4916.45,N,12311.12,W,225444,V', { 'fix/valid': 0 }],
  [
    'GNGNS,014035.00,4332.69262,S,17235.48549,E,RR,13,0.9,25.63,11.24,,',
    {
      satellites: 13,
      'position/latitude': -(43 + 32.69262 / 60),
      'position/longitude': 172 + 35.48549 / 60,
      hdop: 0.9,
      altitude: 25.63,
      'geoid-separation': 11.24,
    },
  ],
  ['GNGNS,014035.00,,,,,NN,0,,,,,', { satellites: 0 }],
  [
    'GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E',
    {
      'fix/valid': 1,
      'position/latitude': 49 + 16.45 / 60,
      'position/longitude': -(123 + 11.12 / 60),
      speed: 0.5 * KNOT,
      course: 54.7,
      'magnetic-variation': 20.3,
    },
  ],
  ['GPRMC,225446,V,,,,,,,191194,,', { 'fix/valid': 0 }],
  ['GPVTG,054.7,T,034.4,M,005.5,N,010.2,K,A', { speed: 5.5 * KNOT, course: 54.7, 'course/magnetic': 34.4 }],
  ['GPVTG,054.7,034.4,005.5,010.2', { speed: 5.5 * KNOT, course: 54.7, 'course/magnetic': 34.4 }],
  ['GPVTG,,T,,M,,N,36.0,K,A', { speed: 10 }],
  ['GPVTG,,T,,M,0.00,N,0.00,K,N', {}],
  [
    'GNGSA,A,3,21,5,29,25,12,10,26,2,,,,,1.2,0.7,1.0',
    { 'fix/mode': 3, 'satellites/used/gps': 8, pdop: 1.2, hdop: 0.7, vdop: 1 },
  ],
  ['GNGSA,A,3,,,,,,,,,,,,,1.2,0.7,1.0', { 'fix/mode': 3, pdop: 1.2, hdop: 0.7, vdop: 1 }],
  ['GNGSA,A,3,,,,,,,,,,,,,,,,3', { 'fix/mode': 3, 'satellites/used/galileo': 0 }],
  ['GNGSA,A,3,01,36,,,,,,,,,,,,,,3', { 'fix/mode': 3, 'satellites/used/galileo': 2 }],
  [
    'GPGSA,A,3,07,76,75,40,193,500,,,,,,,,,',
    {
      'fix/mode': 3,
      'satellites/used/gps': 1,
      'satellites/used/glonass': 2,
      'satellites/used/sbas': 1,
      'satellites/used/qzss': 1,
    },
  ],
  ['GPGSA,A,1,,,,,,,,,,,,,99.9,99.9,99.9', { 'fix/mode': 1, 'satellites/used/gps': 0 }],
  ['GLGSV,3,1,09,67,40,290,33,68,82,188,36', { 'satellites/view/glonass': 9 }],
  ['GLGSV,3,2,09,67,40,290,33,68,82,188,36', {}],
  ['GPZDA,160012.71,11,03,2004,-1,00', {}],
  [
    'GPGST,182141.000,15.5,15.3,7.2,21.8,0.9,0.5,0.8',
    {
      'error/rms': 15.5,
      'error/semi-major': 15.3,
      'error/semi-minor': 7.2,
      'error/orientation': 21.8,
      'error/latitude': 0.9,
      'error/longitude': 0.5,
      'error/altitude': 0.8,
    },
  ],
  [
    'GPGBS,125027,23.43,20.13,18.1,7,,,',
    {
      'integrity/latitude': 23.43,
      'integrity/longitude': 20.13,
      'integrity/altitude': 18.1,
      'integrity/failed-satellite': 7,
    },
  ],
  ['HEHDT,123.4,T', { heading: 123.4 }],
  ['HETHS,77.5,A', { heading: 77.5 }],
  ['HETHS,77.5,V', {}],
  ['HCHDM,119.5,M', { 'heading/magnetic': 119.5 }],
  ['HCHDG,2.0,5.0,W,1.3,E', { 'heading/magnetic': 357, 'heading/variation': 1.3 }],
  ['HCHDG,229.8,,,1.3,W', { 'heading/magnetic': 229.8, 'heading/variation': -1.3 }],
  ['TIROT,-12.5,A', { 'rate-of-turn': -12.5 }],
  ['TIROT,-12.5,V', {}],
  ['IIRSA,10.5,A,-4,A', { 'rudder/starboard': 10.5, 'rudder/port': -4 }],
  ['IIRSA,10.5,A,,V', { 'rudder/starboard': 10.5 }],
  ['SDDBT,7.7,f,2.3,M,1.3,F', { 'depth/transducer': 2.3 }],
  ['SDDBT,10.0,f,,M,,F', { 'depth/transducer': 10 * 0.3048 }],
  ['SDDBK,,f,,M,2.0,F', { 'depth/keel': 2 * 1.8288 }],
  ['SDDBS,,f,3.1,M,,F', { 'depth/surface': 3.1 }],
  ['SDDPT,5.3,-0.4,', { 'depth/transducer': 5.3, 'depth/offset': -0.4 }],
  ['SDMTW,17.9,C', { 'water/temperature': 17.9 }],
  ['SDMTW,,C', {}],
  ['SDVHW,231.3,T,229.9,M,6.6,N,12.3,K', { heading: 231.3, 'heading/magnetic': 229.9, 'water/speed': 6.6 * KNOT }],
  [
    'SDVLW,,N,545.6,N,1109.4,N,393.6,N',
    { 'water/trip': 545.6 * 1852, 'ground/log': 1109.4 * 1852, 'ground/trip': 393.6 * 1852 },
  ],
  [
    'VDVBW,11.0,2.0,A,10.0,-1.0,A',
    {
      'water/speed': 11 * KNOT,
      'water/speed/across': 2 * KNOT,
      'ground/speed': 10 * KNOT,
      'ground/speed/across': -KNOT,
    },
  ],
  ['VDVBW,11.0,2.0,V,,,V', {}],
  [
    'IIVDR,10.1,T,12.3,M,1.2,N',
    { 'current/direction': 10.1, 'current/direction/magnetic': 12.3, 'current/speed': 1.2 * KNOT },
  ],
  ['WIMWV,338,R,13.41,N,A', { 'wind/apparent/angle': 338, 'wind/apparent/speed': 13.41 * KNOT }],
  ['WIMWV,28,T,5.2,M,A', { 'wind/true/angle': 28, 'wind/true/speed': 5.2 }],
  ['WIMWV,338,R,13.41,N,V', {}],
  ['IIVWR,75,R,1.0,N,0.51,M,1.85,K', { 'wind/apparent/angle': 75, 'wind/apparent/speed': KNOT }],
  ['IIVWT,039,L,,N,04.17,M,,', { 'wind/true/angle': 321, 'wind/true/speed': 4.17 }],
  [
    'WIMWD,328.2,T,326.8,M,11.2,N,5.8,M',
    { 'wind/direction': 328.2, 'wind/direction/magnetic': 326.8, 'wind/speed': 11.2 * KNOT },
  ],
  ['IIVPW,4.71,N,,', { 'wind/made-good': 4.71 * KNOT }],
  [
    'IIMDA,29.92,I,1.013,B,21.5,C,15.2,C,55.0,,12.1,C,270.0,T,268.5,M,10.0,N,5.1,M',
    {
      'air/pressure': 1.013,
      'air/temperature': 21.5,
      'water/temperature': 15.2,
      'air/humidity': 55,
      'air/dew-point': 12.1,
      'wind/direction': 270,
      'wind/direction/magnetic': 268.5,
      'wind/speed': 10 * KNOT,
    },
  ],
  ['WIMMB,29.9870,I,1.0154,B', { 'air/pressure': 1.0154 }],
  ['WIMTA,13.1,C', { 'air/temperature': 13.1 }],
  ['GPXTE,A,A,0.67,L,N', { 'navigation/cross-track': -0.67 * 1852 }],
  ['GPXTE,V,A,0.67,L,N', {}],
  ['GPBOD,099.3,T,105.6,M,POINTB,POINTA', { 'navigation/leg': 99.3, 'navigation/leg/magnetic': 105.6 }],
  [
    'GPRMB,A,0.66,R,003,004,4917.24,N,12309.57,W,001.3,052.5,000.5,V',
    {
      'navigation/cross-track': 0.66 * 1852,
      'navigation/range': 1.3 * 1852,
      'navigation/bearing': 52.5,
      'navigation/closing-speed': 0.5 * KNOT,
      'navigation/arrived': 0,
    },
  ],
  [
    'GPAPB,A,A,0.10,R,N,V,V,011,M,DEST,011,M,012,T',
    {
      'navigation/cross-track': 185.2,
      'navigation/arrived': 0,
      'navigation/passed': 0,
      'navigation/leg/magnetic': 11,
      'navigation/bearing/magnetic': 11,
      'navigation/steer': 12,
    },
  ],
  ['GPAAM,A,V,0.10,N,WPTNME', { 'navigation/arrived': 1, 'navigation/passed': 0 }],
  [
    'GPBWC,225444,4917.24,N,12309.57,W,051.9,T,031.6,M,001.3,N,004',
    { 'navigation/bearing': 51.9, 'navigation/bearing/magnetic': 31.6, 'navigation/range': 1.3 * 1852 },
  ],
  ['GPWCV,2.5,N,DEST,D', { 'navigation/closing-speed': 2.5 * KNOT }],
  ['IIXDR,C,19.5,C,AIRTEMP,A,-3.9,D,RUDDER,P,,B,BARO', { 'transducer/AIRTEMP': 19.5, 'transducer/RUDDER': -3.9 }],
  ['IIRPM,E,1,2418.2,10.5,A', { 'engine/1/speed': 2418.2 }],
  ['IIRPM,S,2,310,10.5,V', {}],
];

for (const [sentence, told] of CASES) {
  t.test(`decodes ${sentence}`, async (t) => {
    const decoder = new NmeaDecoder();
    t.equal(decode(decoder, sentence), 'decoded');
    const { quantities, values } = decoder.report;
    t.same(quantities.map(({ path }) => path).sort(), Object.keys(told).sort());
    for (const [index, { path }] of quantities.entries()) {
      const expected = told[path] ?? Number.NaN;
      const value = values[index] ?? Number.NaN;
      t.ok(Math.abs(value - expected) <= Math.abs(expected) * 4e-16, `${path} ${value} is ${expected}`);
    }
  });
}

t.test('tries every sentence type it claims to decode', async (t) => {
  const tried = new Set(CASES.map(([sentence]) => sentence.slice(2, 5)));
  const untried = SENTENCE_TYPES.filter((type) => !tried.has(type));
  t.same(untried, ['BWR'], 'BWR has the fields of BWC');
});

t.test('names what it does not decode', async (t) => {
  const decoder = new NmeaDecoder();
  for (const [sentence, talker, type] of [
    ['GPGLC,9960,,,', 'GP', 'GLC'],
    ['PGRME,15.0,M', 'P', 'PGRME'],
    ['AIVDM,1,1,,B,177K,0', 'AI', 'VDM'],
    ['GP', 'P', 'GP'],
    ['', 'P', ''],
  ] as const) {
    t.equal(decode(decoder, sentence), 'unknown');
    t.same([decoder.talker, decoder.type], [talker, type]);
  }
});

t.test('leaves out a field that cannot be what its place demands, and says so', async (t) => {
  const decoder = new NmeaDecoder();
  for (const sentence of [
    'SDMTW,1e3,C',
    'SDMTW,0x10,C',
    'SDMTW,--1,C',
    'SDMTW,1.2.3,C',
    'GPGLL,4960.00,N,12311.12,W,225444,A',
    'GPGLL,9100.00,N,12311.12,W,225444,A',
    'GPGLL,4916.45,X,12311.12,W,225444,A',
    'GPGLL,4916.45,N,18100.00,W,225444,A',
    'GPGLL,4916.45,N,12311.12,W,245444,A',
    'GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,310294,,',
    'GPZDA,160012.71,11,13,2004,-1,00',
  ]) {
    t.equal(decode(decoder, sentence), 'bad-field', sentence);
    t.notOk(
      decoder.report.quantities.some(({ path }) => path === 'water/temperature'),
      'no value of a bad field',
    );
  }
  decode(decoder, 'GPGLL,4960.00,N,12311.12,W,225444,A');
  t.same(
    decoder.report.quantities.map(({ path }) => path),
    ['fix/valid'],
    'no half of a position',
  );
});

t.test('keeps microseconds of the time and cuts further digits', async (t) => {
  const decoder = new NmeaDecoder();
  for (const [time, expected] of [
    ['000000', 0],
    ['235959.999', 86_399_999_000],
    ['132820.60', 48_500_600_000],
    ['000001.1234567', 1_123_456],
  ] as const) {
    decode(decoder, `GPZDA,${time},11,03,2004,,`);
    t.equal(decoder.report.timeOfDay, expected);
    t.equal(decoder.report.day, Date.UTC(2004, 2, 11) / 86_400_000);
  }
});

t.test('takes two-digit years for 1980 to 2079', async (t) => {
  const decoder = new NmeaDecoder();
  for (const [year, expected] of [
    ['80', 1980],
    ['99', 1999],
    ['00', 2000],
    ['79', 2079],
  ] as const) {
    decode(decoder, `GPRMC,225446,A,,,,,,,0101${year},,`);
    t.equal(decoder.report.day, Date.UTC(expected, 0, 1) / 86_400_000);
  }
});

t.test('bounds the names that sentences bring', async (t) => {
  const decoder = new NmeaDecoder();
  for (let index = 0; index < NAMED_QUANTITIES_MAX; index += 1) {
    t.equal(decode(decoder, `IIXDR,C,1,C,T${index}`), 'decoded');
  }
  t.equal(decode(decoder, 'IIXDR,C,1,C,ONEMORE'), 'bad-field');
  t.equal(decode(decoder, 'IIXDR,C,1,C,T0'), 'decoded');
});

/** Sentences, and satellites that they tell of as elevation, azimuth, signal. */
const VIEWS: readonly (readonly [string, Readonly<Record<string, readonly (number | undefined)[]>>])[] = [
  ['GPGSV,1,1,02,03,39,230,23,40,31,170,', { 'gps/3': [39, 230, 23], 'sbas/127': [31, 170, 0] }],
  ['GLGSV,1,1,02,67,40,290,33,08,,,36', { 'glonass/3': [40, 290, 33], 'glonass/8': [undefined, undefined, 36] }],
  ['GAGSV,1,1,01,36,08,098,,7', { 'galileo/36': [8, 98, 0] }],
  ['GBGSV,1,1,01,33,20,043,27,1', { 'beidou/33': [20, 43, 27] }],
  ['GQGSV,1,1,01,193,20,043,27', { 'qzss/1': [20, 43, 27] }],
  ['GIGSV,1,1,01,14,20,043,27', { 'navic/14': [20, 43, 27] }],
  ['GPGSV,1,1,03,100,20,043,27,999,1,2,3,,,,', {}],
  ['GPGSV,1,1,03,03,39', {}],
];

for (const [sentence, satellites] of VIEWS) {
  t.test(`tells each satellite of ${sentence} where that is wanted`, async (t) => {
    const decoder = new NmeaDecoder(true);
    t.equal(decode(decoder, sentence), 'decoded');
    const { quantities, values } = decoder.report;
    const told = Object.fromEntries(quantities.map(({ path }, n) => [path, values[n]]));
    const expected = Object.entries(satellites).flatMap(([name, fields]) =>
      ['elevation', 'azimuth', 'snr'].map((field, n) => [`satellites/${name}/${field}`, fields[n]]),
    );
    const named = Object.entries(told).filter(([path]) => !path.startsWith('satellites/view/'));
    t.same(
      named,
      expected.filter(([, value]) => value !== undefined),
    );
  });
}

t.test('has no more satellites than their systems can have, however they are numbered', async (t) => {
  const decoder = new NmeaDecoder(true);
  const paths = new Set<string>();
  for (const talker of ['GP', 'GL', 'GA', 'GB', 'GQ', 'GI', 'GN', 'XX']) {
    for (let number = -1; number <= 1000; number += 1) {
      decode(decoder, `${talker}GSV,1,1,01,${number},1,2,3`);
      for (const { path } of decoder.report.quantities) if (path.endsWith('/snr')) paths.add(path);
    }
  }
  t.ok(paths.size <= SATELLITES_MAX, `${paths.size}`);
  t.ok(paths.has('satellites/navic/14/snr') && paths.has('satellites/sbas/158/snr'));
});
