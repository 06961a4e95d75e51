import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { play, serialRecording, skipWithout } from './play.ts';

/** Sentences of a recording by an independent rule: what stands between `$` or `!` and a line end, checksum right. */
function countValid(path: string): number {
  let valid = 0;
  for (const [, body = '', stated = ''] of readFileSync(path)
    .toString('latin1')
    .matchAll(/[$!]([^$!*\r\n]*)\*([0-9A-Fa-f]{2})(?=[\r\n])/g)) {
    const sum = Buffer.from(body, 'latin1').reduce((total, byte) => total ^ byte, 0);
    if (sum === Number.parseInt(stated, 16)) valid += 1;
  }
  return valid;
}

/** Sentences and damages of recordings from damaged lines; the counts are those of SOURCES.md beside them. */
const DAMAGED = [
  { log: 'gpsdf.log', received: 1501, damaged: { 'bad-checksum': 46 } },
  { log: 'firefly-II.log', received: 69, damaged: { 'bad-checksum': 23 } },
  // 41 of 131 lines. Six of them hold a second `$`, which is a sentence of its own; one of these six is whole.
  {
    log: 'gp-320fw-2019-04-07-coldboot.log',
    received: 137,
    damaged: { 'bad-checksum': 36, 'cut-off': 5, 'no-checksum': 4, 'not-text': 1 },
  },
] as const;

for (const { log, received, damaged } of DAMAGED) {
  t.test(`counts the damaged lines of ${log} by reason and decodes none`, skipWithout(`gpsd/${log}`), async (t) => {
    const path = serialRecording(`gpsd/${log}`);
    const { health } = await play(path);
    t.equal(health.received, received);
    for (const [reason, count] of Object.entries(damaged)) t.equal(health.errors[reason], count, reason);
    const sum = Object.values(damaged).reduce((total, count) => total + count, 0);
    t.equal(health.received - sum, countValid(path), 'every valid sentence was taken');
  });
}

t.test(
  'finds every valid sentence of a recording mixed with a binary protocol',
  skipWithout('gpsd/ublox-8.log'),
  async (t) => {
    const path = serialRecording('gpsd/ublox-8.log');
    const { health } = await play(path);
    t.same(health.errors, { 'no-checksum': 1 });
    t.equal(health.received - 1, countValid(path));
  },
);

const BINARY = ['gpsd/ublox-neo-m8t.log', 'gpsd/ublox-8-time.log', 'gpsd/ublox-zed-f9p_hpg1.11.log.gz'];

t.test('takes binary protocols for noise, not for damage', skipWithout(...BINARY), async (t) => {
  for (const log of BINARY) {
    const path = serialRecording(log);
    const { health } = await play(path);
    t.same(health.errors, {}, log);
  }
});

t.test('names what it does not decode', skipWithout('gpsd/ais-nmea.log'), async (t) => {
  const path = serialRecording('gpsd/ais-nmea.log');
  const { health } = await play(path);
  t.same(health.errors, { 'unknown VDM': 183 });
});

t.test(
  'decodes four hours of a sailing boat, every sentence valid',
  skipWithout('nmea-signalk/plaka.log.gz'),
  async (t) => {
    const path = serialRecording('nmea-signalk/plaka.log.gz');
    const { intake, health } = await play(path);
    t.equal(health.received, 116_000);
    t.same(health.errors, {});
    const latitudes = intake.values('gps/position/latitude');
    t.equal(latitudes.length, 7250);
    t.ok(Math.abs((latitudes[0] ?? 0) - (60 + 5.071 / 60)) < 1e-12);
    t.equal(intake.values('gps/depth/transducer')[0], 10.44);
    t.ok(Math.abs((intake.values('gps/speed')[0] ?? 0) - (5.81 * 1852) / 3600) < 1e-12, 'VTG in knots');
    t.ok(
      Math.abs((intake.values('gps/wind/apparent/speed')[0] ?? 0) - (13.41 * 1852) / 3600) < 1e-12,
      'MWV,R in knots',
    );
    t.equal(intake.values('gps/wind/apparent/angle')[0], 338);
    t.equal(intake.values('gps/wind/true/angle')[0], 321, 'VWT 39 degrees on the left');
  },
);
