/** What gpsd reports of its recordings beside position and movement: dilution, errors, the geoid. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { momentOf } from './gpsd-oracle.ts';
import { play, serialRecording, skipWithout } from './play.ts';

type Report = Readonly<Record<string, number | string | undefined>>;

function reportsOf(log: string, kind: string): Report[] {
  const lines = readFileSync(serialRecording(`${log}.chk`), 'latin1').split(/\r?\n/);
  return lines.filter((line) => line.startsWith(`{"class":"${kind}"`)).map((line) => JSON.parse(line) as Report);
}

const GST_CHANNELS: Readonly<Record<string, string>> = {
  rms: 'error/rms',
  major: 'error/semi-major',
  minor: 'error/semi-minor',
  orient: 'error/orientation',
  lat: 'error/latitude',
  lon: 'error/longitude',
  alt: 'error/altitude',
};

const M9N = 'gpsd/ublox-neo-m9n-nmea.log';

t.test('errors of a fix are those that gpsd reports of GST', skipWithout(M9N, `${M9N}.chk`), async (t) => {
  const { intake } = await play(serialRecording(M9N), { timestamp: 'device' });
  const reports = reportsOf(M9N, 'GST');
  for (const [field, channel] of Object.entries(GST_CHANNELS)) {
    const expected = reports.map((report) => [momentOf(Date.parse(String(report.time)) * 1e3), report[field]]);
    const told = intake.samples(`gps/${channel}`).map(({ time, value }) => [momentOf(time), value]);
    t.same(told, expected, field);
  }
});

/** Recordings, and how many fixes of each have a height of the geoid that gpsd reports too. */
for (const [log, fixes] of [
  ['gpsd/ais-nmea.log', 164],
  ['gpsd/ublox-8.log', 72],
  [M9N, 61],
] as const) {
  t.test(`the geoid is where gpsd has it in ${log}`, skipWithout(log, `${log}.chk`), async (t) => {
    const { intake } = await play(serialRecording(log), { timestamp: 'device' });
    const reported = new Map<number, number[]>();
    for (const { time, geoidSep } of reportsOf(log, 'TPV')) {
      if (typeof geoidSep !== 'number') continue;
      const moment = momentOf(Date.parse(String(time)) * 1e3);
      reported.set(moment, [...(reported.get(moment) ?? []), geoidSep]);
    }
    const samples = intake.samples('gps/geoid-separation').filter(({ time }) => reported.has(momentOf(time)));
    t.equal(samples.length, fixes);
    const different = samples.filter(({ time, value }) => !reported.get(momentOf(time))?.includes(value));
    t.same(different, []);
  });
}

const changes = (values: readonly unknown[]) => values.filter((value, index) => value !== values[index - 1]);

for (const log of ['gpsd/ais-nmea.log', 'gpsd/telit-he910.log', 'gpsd/ublox-8.log', M9N]) {
  t.test(`dilution changes as gpsd reports it of ${log}`, skipWithout(log, `${log}.chk`), async (t) => {
    const { intake } = await play(serialRecording(log));
    const reports = reportsOf(log, 'SKY');
    for (const field of ['pdop', 'vdop']) {
      const expected = changes(reports.map((report) => report[field]).filter((value) => value !== undefined));
      t.ok(expected.length >= 2);
      t.same(changes(intake.values(`gps/${field}`)), expected, field);
    }
  });
}
