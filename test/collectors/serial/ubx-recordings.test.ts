/**
 * gpsd's recordings of u-blox receivers, against what gpsd makes of them. gpsd 3.22 turns earth-centred coordinates into
 * latitude and longitude for the first fix of a device only, and repeats these; the earth-centred ones it reports of every fix.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { geodeticOf } from '../../../collectors/serial/ubx/geodetic.ts';
import { play, serialRecording, skipWithout } from './play.ts';

type Tpv = Partial<Record<string, number | string>>;

/** Reports of position by the moment they state, UTC in ms, the last of each moment. */
function tpvByMoment(path: string): Map<number, Tpv> {
  const lines = readFileSync(path, 'latin1').split(/\r?\n/);
  const reports = lines.filter((line) => line.startsWith('{"class":"TPV"')).map((line) => JSON.parse(line) as Tpv);
  return new Map(reports.map((report) => [Date.parse(String(report.time)), report]));
}

const near = (a: number | undefined, b: unknown, tolerance: number) =>
  a !== undefined && typeof b === 'number' && Math.abs(a - b) <= tolerance;

/** Fixes that each recording has after the first message that tells leap seconds. */
for (const [log, fixes] of [
  ['gpsd/ublox-neo-m8t.log', 38],
  ['gpsd/ublox-8-time.log', 88],
] as const) {
  t.test(`agrees with gpsd on ${log} as ubx`, skipWithout(log, `${log}.chk`), async (t) => {
    const reports = tpvByMoment(serialRecording(`${log}.chk`));
    const first = [...reports.values()][0];
    const byArrival = await play(serialRecording(log), { protocol: 'ubx' });
    const told = (path: string) => byArrival.intake.values(`gps/${path}`)[0];
    t.ok(near(told('position/latitude'), first?.lat, 6e-10));
    t.ok(near(told('position/longitude'), first?.lon, 6e-10));
    if (told('altitude/ellipsoid') !== undefined) t.ok(near(told('altitude/ellipsoid'), first?.altHAE, 6e-5));
    t.ok(near(told('speed'), first?.speed, 6e-4));
    t.ok(near(told('course'), first?.track, 6e-5));

    const { intake } = await play(serialRecording(log), { protocol: 'ubx', timestamp: 'device' });
    const latitudes = intake.samples('gps/position/latitude');
    const errors = new Map(intake.samples('gps/error/position').map(({ time, value }) => [time, value]));
    t.equal(latitudes.length, fixes);
    for (const { time, value } of latitudes) {
      const report = reports.get(Math.round(time / 1e3));
      if (report?.ecefx === undefined) continue;
      const place = geodeticOf(Number(report.ecefx), Number(report.ecefy), Number(report.ecefz));
      t.ok(near(value, place.latitude, 1e-9), `latitude at ${time}`);
      t.ok(near(errors.get(time), report.ecefpAcc, 1e-9), `error at ${time}`);
    }
  });
}

const MIXED = 'gpsd/ublox-zed-f9p_hpg1.11.log.gz';

t.test('names every message of a mixed recording, and takes every sentence', skipWithout(MIXED), async (t) => {
  const { health } = await play(serialRecording(MIXED), { protocol: 'mixed' });
  t.same(health.errors, { 'unknown UBX-NAV-CLOCK': 655, 'unknown UBX-RXM-MEASX': 654, 'unknown UBX-RXM-RAWX': 654 });
  t.equal(health.received, 655 + 654 + 654 + 4 * 655);
});
