import t from 'tap';
import { LONGSHOAL } from '../../../hardware/simulated/circuit.ts';
import { GNSS_BAUD_RATE, GNSS_RATE_HZ } from '../../../hardware/simulated/gnss.ts';
import { type Fix, gga, gsa, rmc, sentence } from '../../../hardware/simulated/nmea.ts';
import { recordCar } from './recorded-car.ts';

const START_MS = Date.UTC(2027, 11, 31, 23, 59, 55);
const SECONDS = 30;

/** Sentences of a drive, taken apart. */
function drive(options: { noise?: number } = {}) {
  const recording = recordCar({ seed: 21, faults: false, utcMs: (seconds) => START_MS + seconds * 1000, ...options });
  recording.car.inject('no-fix', 'gnss', 20, 22);
  recording.car.advance(SECONDS);
  return { ...recording, parsed: recording.sentences.map(({ text, sentUs }) => ({ sentUs, ...parse(text) })) };
}

function parse(text: string): { kind: string; fields: string[] } {
  const body = text.slice(1, text.indexOf('*'));
  const [head = '', ...fields] = body.split(',');
  return { kind: head.slice(2), fields };
}

/** Degrees from ddmm.mmmmm and a side. */
function degrees(value = '', side = ''): number {
  const point = value.indexOf('.') - 2;
  const size = Number(value.slice(0, point)) + Number(value.slice(point)) / 60;
  return side === 'S' || side === 'W' ? -size : size;
}

t.test('every sentence is whole, short enough and has the right checksum', async (t) => {
  const { sentences } = drive();
  for (const { text } of sentences) {
    const match = /^\$(G[NP](?:RMC|GGA|VTG|GSA|GSV)[^*\r\n]*)\*([0-9A-F]{2})\r\n$/.exec(text);
    const body = match?.[1] ?? '';
    const sum = Buffer.from(body, 'latin1').reduce((all, byte) => all ^ byte, 0);
    if (match === null || Number.parseInt(match[2] ?? '', 16) !== sum) t.fail(text);
    if (text.length > 82) t.fail(`${text.length} characters: ${text}`);
  }
  t.equal(
    sentence('GPGLL,3723.2475,N,12158.3416,W,161229.487,A'),
    '$GPGLL,3723.2475,N,12158.3416,W,161229.487,A*2C\r\n',
  );
});

t.test('RMC, GGA and VTG come with every fix, GSA and GSV once a second', async (t) => {
  const { parsed } = drive();
  const count = (kind: string) => parsed.filter((each) => each.kind === kind).length;
  for (const kind of ['RMC', 'GGA', 'VTG']) t.ok(Math.abs(count(kind) - SECONDS * GNSS_RATE_HZ) <= 1, kind);
  t.equal(count('GSA'), SECONDS);
  t.equal(count('GSV'), 3 * SECONDS);
});

t.test('bytes are paced as the line is fast', async (t) => {
  const { sentences } = drive();
  let lastUs = 0;
  for (const { sentUs, text } of sentences) {
    const takesUs = (text.length * 10 * 1e6) / GNSS_BAUD_RATE;
    if (sentUs - lastUs < takesUs - 1e-6) t.fail(`${text} came within ${sentUs - lastUs} us`);
    lastUs = sentUs;
  }
  t.ok(lastUs < (SECONDS + 0.01) * 1e6);
});

t.test(
  'a receiver without errors says where the car is, how fast and when, also over midnight of the year',
  async (t) => {
    const { parsed, car } = drive({ noise: 0 });
    const fixes = parsed.filter(({ kind }) => kind === 'RMC');
    let epoch = 0;
    for (const { fields } of fixes) {
      const seconds = epoch++ / GNSS_RATE_HZ;
      const [time, status, latitude, north, longitude, west, knots, , date] = fields;
      const utc = new Date(START_MS + seconds * 1000).toISOString();
      t.equal(
        `${date} ${time}`,
        `${utc.slice(8, 10)}${utc.slice(5, 7)}${utc.slice(2, 4)} ${utc.slice(11, 22).replace(/:/g, '')}`,
      );
      if (seconds >= 20 && seconds < 22) {
        t.same([status, latitude, longitude, knots], ['V', '', '', ''], `no fix at ${seconds} s`);
        continue;
      }
      t.equal(status, 'A');
      const values: readonly [string, number, number][] = [
        ['latitude', degrees(latitude, north), 1e-7],
        ['longitude', degrees(longitude, west), 1e-7],
        ['speed', Number(knots) * 1.852, 0.002],
      ];
      for (const [name, value, tolerance] of values) {
        const truth = car.truth.valueAt(`gnss/${name}`, seconds);
        if (Math.abs(value - truth) > tolerance) t.fail(`${name} at ${seconds} s: ${value}, not ${truth}`);
      }
    }
    t.equal(car.truth.faults[0]?.lostSamples, 50 * 5 + 2 * 2);
  },
);

t.test('the counts and precisions that sentences carry are the true ones', async (t) => {
  const { parsed, car } = drive();
  const fields = (kind: string) => parsed.find((each) => each.kind === kind)?.fields ?? [];
  const [, , , , , quality, satellites, hdop] = fields('GGA');
  const shown = { quality, satellites, hdop, pdop: fields('GSA')[14], vdop: fields('GSA')[16] };
  for (const [name, value] of Object.entries(shown)) t.equal(Number(value), car.truth.valueAt(`gnss/${name}`, 0), name);
});

t.test('a usual receiver is right within a metre or two', async (t) => {
  const { parsed, car } = drive();
  let epoch = 0;
  let worst = 0;
  let sum = 0;
  for (const { fields } of parsed.filter(({ kind }) => kind === 'GGA')) {
    const seconds = epoch++ / GNSS_RATE_HZ;
    if (fields[5] === '0') continue;
    const north = (degrees(fields[1], fields[2]) - car.truth.valueAt('gnss/latitude', seconds)) * 111_141;
    const east = (degrees(fields[3], fields[4]) - car.truth.valueAt('gnss/longitude', seconds)) * 78_141;
    worst = Math.max(worst, Math.hypot(north, east));
    sum += Math.hypot(north, east);
  }
  t.ok(worst < 2, `${worst} m at worst`);
  t.ok(sum / epoch > 0.05, `${sum / epoch} m on average`);
});

t.test('sentences hold in all four quarters of the earth and at the edges of their fields', async (t) => {
  const fix: Fix = {
    utcMs: Date.UTC(2026, 0, 2, 3, 4, 5, 996),
    valid: true,
    latitude: -LONGSHOAL.latitude,
    longitude: 7.999_999_99,
    altitude: -2.345,
    geoid: 46.9,
    speedKnots: 0,
    course: 359.99,
    satellites: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    pdop: 1.2,
    hdop: 0.8,
    vdop: 0.9,
  };
  t.match(rmc(fix), /^\$GNRMC,030406\.00,A,4530\.00000,S,00800\.00000,E,0\.000,359\.99,020126,,,A\*/);
  t.match(gga(fix), /^\$GNGGA,030406\.00,4530\.00000,S,00800\.00000,E,1,13,0\.80,-2\.3\d,M,46\.9,M,,\*/);
  t.match(gsa(fix), /^\$GNGSA,A,3,01,02,03,04,05,06,07,08,09,10,11,12,1\.20,0\.80,0\.90\*/);
  const lost = { ...fix, valid: false };
  t.match(gga(lost), /^\$GNGGA,030406\.00,,,,,0,00,99\.99,,,,,,\*/);
  t.match(gsa({ ...fix, satellites: [7] }), /^\$GNGSA,A,3,07,,,,,,,,,,,,1\.20,/);
});
