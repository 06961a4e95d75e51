import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isReplayable } from '../../../collectors/replay/recording-file.ts';
import { createReplayCollector } from '../../../collectors/replay/replay-collector.ts';
import type { ReplayConfig } from '../../../collectors/replay/replay-config.ts';
import { recording } from '../../data-dir.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';

async function play(t: Test, config: ReplayConfig) {
  const intake = new RecordedIntake();
  const collector = createReplayCollector(
    { speed: 'max', timestamp: 'device', ...config },
    { source: 'car', intake, clock: new SetClock() },
  );
  t.teardown(() => collector.stop());
  await collector.start();
  await waitFor('the end of the recording', () => collector.health().state === 'stopped');
  return { intake, health: collector.health() };
}

/** Every cell of a column that is not empty, as a number, with the time of its row in whole milliseconds. */
function columnOf(rows: readonly (readonly string[])[], cell: number, timeCell: number) {
  return rows
    .filter((row) => row[cell] !== '')
    .map((row) => ({ time: Math.round(Number(row[timeCell]) * 1e3) * 1e3, value: Number(row[cell]) }));
}

const lap = recording('race/racechrono-tianma/session_20251231_111318_tianma_lap9_v3.csv');

t.test('every cell of a RaceChrono session becomes its sample', { skip: !lap && 'no recording' }, async (t) => {
  if (lap === undefined) return;
  const rows = readFileSync(lap, 'utf8')
    .trimEnd()
    .split('\r\n')
    .slice(12)
    .map((line) => line.split(','));
  const { intake, health } = await play(t, { file: lap });
  t.match(health, { received: 3850, errors: {}, dropped: 0 });
  t.equal(health.samples, rows.flat().filter((cell) => cell !== '').length - rows.length);
  const paths = [
    ...['fragment_id', 'lap_number', 'elapsed_time', 'distance_traveled'].map((name) => `session/${name}`),
    ...['altitude', 'altitude_precision', 'bearing', 'coordinate_precision', 'device_update_rate'].map(
      (name) => `gps/${name}`,
    ),
    ...['fix_type', 'latitude', 'longitude', 'satellites', 'speed'].map((name) => `gps/${name}`),
    ...['combined_acc', 'device_update_rate', 'lateral_acc', 'lean_angle', 'longitudinal_acc', 'speed'].map(
      (name) => `calc/${name}`,
    ),
    ...['accelerator_pos', 'engine_load', 'rpm', 'speed', 'throttle_pos'].map((name) => `obd/${name}`),
  ].map((path) => `car/${path}`);
  t.same([...intake.channels.keys()], paths);
  for (const [index, path] of paths.entries()) t.same(intake.samples(path), columnOf(rows, index + 1, 0), path);
  t.match(intake.channels.get('car/gps/latitude'), { unit: 'deg', decimals: 7 });
  t.match(intake.channels.get('car/obd/rpm'), { unit: 'rpm', decimals: 5 });
});

t.test('the whole lap of a session lasts as long as its lap number', { skip: !lap && 'no recording' }, async (t) => {
  if (lap === undefined) return;
  const { intake } = await play(t, { file: lap });
  const laps = intake.samples('car/session/lap_number');
  const begins = (number: number) => laps.find(({ value }) => value === number)?.time ?? Number.NaN;
  t.same([...new Set(laps.map(({ value }) => value))], [8, 9, 10]);
  t.equal(((begins(10) - begins(9)) / 1e6).toFixed(2), '76.33');
});

const run = recording('race/scut-formula-student/AGX.csv');

t.test('every cell of an AiM run becomes its sample', { skip: !run && 'no recording' }, async (t) => {
  if (run === undefined) return;
  const lines = readFileSync(run, 'utf8').split('\n');
  const cellsOf = (line: string) => line.slice(1, -1).split('","');
  const names = cellsOf(lines[14] ?? '');
  const rows = lines
    .slice(17)
    .filter((line) => line !== '')
    .map(cellsOf);
  const { intake, health } = await play(t, { file: run, utcOffset: '+08:00' });
  t.match(health, { received: 1780, samples: 79 * 1780, errors: {}, dropped: 0 });
  t.equal(intake.channels.size, 79);
  const start = Date.UTC(2026, 0, 25, 5, 57) * 1e3;
  for (const [index, name] of [...intake.channels.keys()].entries()) {
    const expected = columnOf(rows, index + 1, 0).map(({ time, value }) => ({ time: time + start, value }));
    t.same(intake.samples(name), expected, `${name} is ${names[index + 1]}`);
  }
  t.match(intake.channels.get('car/LoggerTemp'), { unit: '°C', decimals: 4, rateHz: 20 });
  t.match(intake.channels.get('car/gps/Latitude'), { unit: 'deg', decimals: 8 });
  t.match(intake.channels.get('car/AS_State_Flag'), { unit: '' });
});

const rav4 = recording('can/comma2k19-rav4');

t.test('tables of another make are not taken for recordings', { skip: !rav4 && 'no recording' }, async (t) => {
  for (const name of ['gnss_ublox_10hz.csv', 'ref_wheel_speed_steer.csv']) {
    t.equal(await isReplayable(join(rav4 ?? '', name)), false, name);
  }
});
