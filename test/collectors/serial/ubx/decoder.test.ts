import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { UbxDecoder } from '../../../../collectors/serial/ubx/decoder.ts';
import { geodeticOf, localVelocity } from '../../../../collectors/serial/ubx/geodetic.ts';
import { requireTools } from '../../../debian.ts';
import { navPvt, type PvtFields, ubxFrame } from './ubx-frames.ts';

function decode(frame: Uint8Array, decoder = new UbxDecoder()) {
  const outcome = decoder.decode(frame[2] ?? 0, frame[3] ?? 0, frame.subarray(6, -2));
  const { quantities, values } = decoder.report;
  const told = Object.fromEntries(quantities.map(({ path }, index) => [path, values[index]]));
  return { outcome, told, utc: decoder.utc, epoch: decoder.epoch, isClockworthy: decoder.isClockworthy };
}

t.test('NAV-PVT tells all of a fix', async (t) => {
  const { told, utc, epoch, isClockworthy } = decode(
    navPvt({ flags: 0x01 | 0x02 | 0x0c | 0x20 | 0x80, flags3: 0x06, nano: 500_400 }),
  );
  t.same(told, {
    'time/date-valid': 1,
    'time/valid': 1,
    'time/resolved': 1,
    'time/date-confirmed': 1,
    'time/confirmed': 1,
    'error/time': 25e-9,
    'fix/type': 3,
    'fix/valid': 1,
    'fix/differential': 1,
    'power-save': 3,
    'fix/carrier': 2,
    satellites: 17,
    'fix/position-invalid': 0,
    'differential/age/step': 3,
    'position/latitude': 50.3654321,
    'position/longitude': 5.2471234,
    'error/horizontal': 1.52,
    'altitude/ellipsoid': 123.456,
    altitude: 76.543,
    'geoid-separation': 46.913,
    'error/vertical': 2.31,
    'velocity/north': 21.213,
    'velocity/east': -21.214,
    'velocity/down': -0.15,
    speed: 30,
    course: 315,
    'error/speed': 0.24,
    'error/course': 1.23456,
    'heading/vehicle': 314,
    pdop: 1.43,
    'magnetic-variation': -2.12,
    'error/magnetic-variation': 1.5,
  });
  t.equal(utc, Date.UTC(2020, 0, 2, 10, 59, 42) * 1e3 + 500);
  t.equal(epoch, 385_200_000);
  t.ok(isClockworthy);
});

t.test('nanoseconds before the second are before it, and a leap second is the end of its day', async (t) => {
  t.equal(decode(navPvt({ nano: -1_500 })).utc, Date.UTC(2020, 0, 2, 10, 59, 42) * 1e3 - 1);
  const leap = decode(navPvt({ utc: [2016, 12, 31, 23, 59, 60] }));
  t.equal(leap.utc, Date.UTC(2017, 0, 1) * 1e3);
});

/** Flags and what they keep from being told. */
const WITHHELD: readonly (readonly [string, Partial<PvtFields>, string[]])[] = [
  ['a position without a fix', { fixType: 0, flags: 0 }, ['position/latitude', 'altitude', 'speed', 'pdop']],
  ['coordinates that are called invalid', { flags3: 1 }, ['position/latitude', 'altitude']],
  ['the height of a fix in two dimensions', { fixType: 2 }, ['altitude', 'altitude/ellipsoid', 'geoid-separation']],
  ['a heading that is not valid', { flags: 1 }, ['heading/vehicle']],
  ['a magnetic variation that is not valid', { valid: 7 }, ['magnetic-variation']],
  ['confirmations that are not available', { flags2: 0xc0 }, ['time/confirmed', 'time/date-confirmed']],
];

for (const [what, fields, withheld] of WITHHELD) {
  t.test(`NAV-PVT does not tell ${what}`, async (t) => {
    const { told } = decode(navPvt(fields));
    for (const path of withheld) t.notOk(path in told, path);
    t.equal(told['fix/type'], fields.fixType ?? 3);
  });
}

t.test('the clock is set by a fix whose UTC is valid and resolved only', async (t) => {
  for (const fields of [{ valid: 1 }, { valid: 2 }, { valid: 3 }, { flags: 0 }] satisfies Partial<PvtFields>[]) {
    t.notOk(decode(navPvt(fields)).isClockworthy, JSON.stringify(fields));
  }
});

t.test('NAV-DOP belongs to the epoch that its time of week names', async (t) => {
  const decoder = new UbxDecoder();
  const dop = Buffer.alloc(18);
  dop.writeUInt32LE(385_200_200, 0);
  for (const [index, value] of [199, 143, 88, 120, 9999, 55, 44].entries()) dop.writeUInt16LE(value, 4 + 2 * index);
  t.equal(decode(ubxFrame(1, 4, dop), decoder).utc, undefined);
  decode(navPvt(), decoder);
  const { told, utc } = decode(ubxFrame(1, 4, dop), decoder);
  t.same(told, { gdop: 1.99, pdop: 1.43, tdop: 0.88, vdop: 1.2, ndop: 0.55, edop: 0.44 });
  t.equal(utc, Date.UTC(2020, 0, 2, 10, 59, 42, 200) * 1e3);
});

t.test('a week that ends between two messages is taken into account', async (t) => {
  const decoder = new UbxDecoder();
  decode(navPvt({ iTow: 604_799_800, utc: [2020, 1, 4, 23, 59, 41], nano: 800_000_000 }), decoder);
  const dop = Buffer.alloc(18, 1);
  dop.writeUInt32LE(200, 0);
  t.equal(decode(ubxFrame(1, 4, dop), decoder).utc, Date.UTC(2020, 0, 4, 23, 59, 42, 200) * 1e3);
});

t.test('what is too short or not known is said so, by name', async (t) => {
  t.equal(decode(ubxFrame(1, 7, Buffer.alloc(83))).outcome, 'ubx-short');
  const decoder = new UbxDecoder();
  for (const [messageClass, id, name] of [
    [2, 0x15, 'RXM-RAWX'],
    [1, 0xf0, 'NAV-F0'],
    [0xf3, 1, 'F3-01'],
  ] as const) {
    t.equal(decoder.decode(messageClass, id, new Uint8Array()), 'unknown');
    t.equal(decoder.name, name);
  }
});

t.test('any payload is decoded or refused', async () => {
  const decoder = new UbxDecoder();
  fc.assert(
    fc.property(fc.constantFrom(4, 6, 7, 0x20), fc.uint8Array({ maxLength: 100 }), (id, payload) => {
      decoder.decode(1, id, payload);
      return (
        decoder.report.values.every(Number.isFinite) && (decoder.utc === undefined || Number.isInteger(decoder.utc))
      );
    }),
    { numRuns: 2_000 },
  );
});

t.test('geodetic coordinates turn back into the earth-centred ones', async (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: -90, max: 90, noNaN: true }),
      fc.double({ min: -180, max: 180, noNaN: true }),
      fc.double({ min: -5_000, max: 20_000, noNaN: true }),
      (latitude, longitude, height) => {
        const [lat, lon] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180];
        const e2 = 6.69437999014e-3;
        const n = 6_378_137 / Math.sqrt(1 - e2 * Math.sin(lat) ** 2);
        const [x, y] = [(n + height) * Math.cos(lat) * Math.cos(lon), (n + height) * Math.cos(lat) * Math.sin(lon)];
        const place = geodeticOf(x, y, (n * (1 - e2) + height) * Math.sin(lat));
        return Math.abs(place.latitude - latitude) < 1e-9 && Math.abs(place.height - height) < 1e-3;
      },
    ),
  );
  const { north, east, down } = localVelocity({ latitude: 0, longitude: 90 }, -1, 2, 3);
  t.same(
    [north, east, down].map((value) => Math.round(value * 1e9) / 1e9),
    [3, 1, -2],
  );
});

t.test('gpsd decodes the same from a NAV-PVT', async (t) => {
  if (!requireTools(t, 'gpsd')) return;
  const fields: Partial<PvtFields>[] = Array.from({ length: 20 }, (_, second) => ({
    iTow: 385_200_000 + second * 1_000,
    utc: [2020, 1, 2, 10, 59, 22 + second],
    nano: second * 7_000_000,
    lat: 503_654_321 - second * 54_321_987,
    lon: -52_471_234 + second * 83_111_777,
    height: 123_456 - second * 10_111,
    hMsl: 76_543 - second * 10_111,
  }));
  const wire = Buffer.concat(fields.map(navPvt));
  const { stdout } = spawnSync('gpsdecode', { input: wire, timeout: 300_000, encoding: 'utf8' });
  const reports = stdout
    .split('\n')
    .filter((line) => line.startsWith('{"class":"TPV"'))
    .map((line) => JSON.parse(line) as Record<string, number | string>);
  t.equal(reports.length, fields.length);
  const decoder = new UbxDecoder();
  for (const [index, report] of reports.entries()) {
    const { told, utc } = decode(navPvt(fields[index]), decoder);
    const equal: readonly (readonly [ours: string, theirs: string, tolerance: number])[] = [
      ['position/latitude', 'lat', 6e-10],
      ['position/longitude', 'lon', 6e-10],
      ['altitude', 'altMSL', 6e-5],
      ['altitude/ellipsoid', 'altHAE', 6e-5],
      ['speed', 'speed', 6e-4],
      ['course', 'track', 6e-5],
      ['velocity/north', 'velN', 6e-4],
      ['velocity/east', 'velE', 6e-4],
      ['velocity/down', 'velD', 6e-4],
      ['error/speed', 'eps', 6e-3],
      ['error/horizontal', 'eph', 6e-4],
      ['error/vertical', 'epv', 6e-4],
    ];
    for (const [ours, theirs, tolerance] of equal) {
      if (report[theirs] === undefined) continue;
      t.ok(
        Math.abs((told[ours] ?? Number.NaN) - Number(report[theirs])) <= tolerance,
        `${ours} ${told[ours]} ${report[theirs]}`,
      );
    }
    t.ok(Math.abs((utc ?? 0) / 1e3 - Date.parse(String(report.time))) <= 1, `${utc} ${report.time}`);
  }
});

/** A satellite of NAV-SAT: system, number, signal, elevation, azimuth, flags. */
function satPayload(satellites: readonly (readonly number[])[]): Buffer {
  const payload = Buffer.alloc(8 + 12 * satellites.length);
  payload.writeUInt8(1, 4);
  payload.writeUInt8(satellites.length, 5);
  for (const [n, [gnssId = 0, svId = 0, signal = 0, elevation = 0, azimuth = 0, flags = 0]] of satellites.entries()) {
    const at = 8 + 12 * n;
    payload.writeUInt8(gnssId, at);
    payload.writeUInt8(svId, at + 1);
    payload.writeUInt8(signal, at + 2);
    payload.writeInt8(elevation, at + 3);
    payload.writeInt16LE(azimuth, at + 4);
    payload.writeUInt32LE(flags, at + 8);
  }
  return payload;
}

/** The same of NAV-SVINFO: number, flags, signal, elevation, azimuth. */
function svinfoPayload(satellites: readonly (readonly number[])[]): Buffer {
  const payload = Buffer.alloc(8 + 12 * satellites.length);
  payload.writeUInt8(satellites.length, 4);
  for (const [n, [svid = 0, flags = 0, signal = 0, elevation = 0, azimuth = 0]] of satellites.entries()) {
    const at = 8 + 12 * n;
    payload.set([n, svid, flags, 7, signal], at);
    payload.writeInt8(elevation, at + 5);
    payload.writeInt16LE(azimuth, at + 6);
  }
  return payload;
}

const IN_VIEW = {
  'satellites/view/gps': 2,
  'satellites/view/galileo': 1,
  'satellites/used/gps': 1,
  'satellites/used/galileo': 0,
};
const EACH = {
  'satellites/gps/7/used': 1,
  'satellites/gps/7/snr': 44,
  'satellites/gps/7/elevation': 51,
  'satellites/gps/7/azimuth': 303,
  'satellites/gps/9/used': 0,
  'satellites/gps/9/snr': 0,
  'satellites/galileo/36/used': 0,
  'satellites/galileo/36/snr': 12,
  'satellites/galileo/36/elevation': -3,
  'satellites/galileo/36/azimuth': 0,
};

for (const [name, frame] of [
  [
    'NAV-SAT',
    ubxFrame(
      1,
      0x35,
      satPayload([
        [0, 7, 44, 51, 303, 0x0f],
        [0, 9, 0, 127, 0, 0],
        [2, 36, 12, -3, 0, 4],
        [6, 255],
      ]),
    ),
  ],
  [
    'NAV-SVINFO',
    ubxFrame(1, 0x30, svinfoPayload([[7, 1, 44, 51, 303], [9, 0, 0, -91, 0], [246, 0, 12, -3, 0], [255]])),
  ],
] as const) {
  t.test(`${name} counts satellites by system, and tells each where that is wanted`, async (t) => {
    for (const withSatellites of [false, true]) {
      const decoder = new UbxDecoder(withSatellites);
      const { told } = decode(frame, decoder);
      t.same(told, withSatellites ? { ...IN_VIEW, ...EACH } : IN_VIEW);
    }
  });
}

t.test('takes the satellites that are there of a message that states more', async (t) => {
  const payload = satPayload([[0, 7, 44, 51, 303, 0x0f]]);
  payload.writeUInt8(200, 5);
  t.same(decode(ubxFrame(1, 0x35, payload)).told, { 'satellites/view/gps': 1, 'satellites/used/gps': 1 });
});
