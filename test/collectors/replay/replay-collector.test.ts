import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { isReplayable } from '../../../collectors/replay/recording-file.ts';
import { createReplayCollector, ReplayCollector } from '../../../collectors/replay/replay-collector.ts';
import { type ReplayConfig, replaySettings } from '../../../collectors/replay/replay-config.ts';
import type { Timers } from '../../../hardware/serial/timers.ts';
import { HurriedTimers } from '../../hardware/serial/hurried-timers.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';
import { aim, raceChrono } from './recordings.ts';

const START = 1_767_150_797;

/** Rows of the RaceChrono recording, `gapMs` apart, with their number as speed. */
function rowsOf(count: number, gapMs = 20): string[] {
  return Array.from(
    { length: count },
    (_, n) => `${(START + (n * gapMs) / 1e3).toFixed(3)},8,${n},31.5,${n}.25,,1,soft`,
  );
}

async function fileWith(t: Test, content: string | Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-replay-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'session.csv');
  await writeFile(file, content);
  return file;
}

async function start(t: Test, config: ReplayConfig, intake = new RecordedIntake()) {
  const collector = createReplayCollector(config, { source: 'tianma', intake, clock: new SetClock() });
  t.teardown(() => collector.stop());
  await collector.start();
  return { collector, intake };
}

/** Puts a file there whole: whoever looks for it sees all of it or nothing. */
async function appear(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

/** Plays a recording to its end, as fast as it is taken. */
async function play(
  t: Test,
  content: string | Uint8Array,
  config: Partial<ReplayConfig> = {},
  intake = new RecordedIntake(),
) {
  const file = await fileWith(t, content);
  const { collector } = await start(t, { file, speed: 'max', ...config }, intake);
  await waitFor('the end of the recording', () => collector.health().state === 'stopped');
  return { intake, health: collector.health(), collector };
}

t.test('each cell becomes a sample of the channel of its column', async (t) => {
  const { intake, health } = await play(t, raceChrono(rowsOf(3)));
  t.same(
    [...intake.channels.keys()],
    ['session/lap_number', 'gps/speed', 'gps/latitude', 'calc/speed', 'acc/x_acc', 'gps_102/speed', 'obd/tyre'].map(
      (path) => `tianma/${path}`,
    ),
  );
  t.match(intake.channels.get('tianma/gps/latitude'), {
    ...{ source: 'tianma', unit: 'deg', type: 'number', stamp: 'arrival', decimals: 1 },
  });
  t.match(intake.channels.get('tianma/obd/tyre'), { type: 'text', unit: '' });
  t.same(intake.values('tianma/calc/speed'), [0.25, 1.25, 2.25]);
  t.same(intake.values('tianma/acc/x_acc'), [], 'an empty cell gives no sample');
  t.same(
    intake.texts('tianma/obd/tyre').map(({ text }) => text),
    ['soft', 'soft', 'soft'],
  );
  t.match(health, { state: 'stopped', received: 3, samples: 18, dropped: 0, errors: {} });
});

t.test('a packed recording plays like a plain one, below the prefix that is asked for', async (t) => {
  const { intake } = await play(t, gzipSync(raceChrono(rowsOf(200))), { prefix: 'car7/logger' });
  t.equal(intake.values('car7/logger/gps/speed').length, 200);
});

t.test('device time is the UTC of the recording', async (t) => {
  const { intake } = await play(t, raceChrono(rowsOf(3)), { timestamp: 'device' });
  t.same(
    intake.samples('tianma/gps/speed').map(({ time }) => time - START * 1e6),
    [0, 20_000, 40_000],
  );
  t.equal(intake.channels.get('tianma/gps/speed')?.stamp, 'device');
});

t.test('a date without a zone is UTC only with the offset that the config gives', async (t) => {
  const recording = aim([['0.050', '1.10', '2', '-3.5', '0', 'on']]);
  const { intake } = await play(t, recording, { timestamp: 'device', utcOffset: '+08:00' });
  t.same(intake.samples('tianma/gps/Speed'), [{ time: Date.UTC(2026, 0, 25, 5, 57) * 1e3 + 50_000, value: 1.1 }]);
  t.equal(intake.channels.get('tianma/gps/Speed')?.rateHz, 20);
  const arrival = await play(t, recording);
  t.same(arrival.intake.values('tianma/gps/Speed'), [1.1], 'stamped on arrival, it needs no offset');
  const west = await play(t, recording, { timestamp: 'device', utcOffset: '-03:30' });
  t.equal(west.intake.samples('tianma/gps/Speed')[0]?.time, Date.UTC(2026, 0, 25, 17, 27) * 1e3 + 50_000);
  const file = await fileWith(t, recording);
  const refused = { code: 'config-invalid', message: /2026-01-25T13:57 local time without a zone/, hint: /utcOffset/ };
  await t.rejects(start(t, { file, timestamp: 'device' }), refused);
  const undated = await fileWith(t, aim([], { Date: 'soon' }));
  await t.rejects(start(t, { file: undated, timestamp: 'device', utcOffset: '+00:00' }), {
    code: 'config-invalid',
    message: /no date that can be read/,
  });
});

t.test('a file that is no recording ends the start', async (t) => {
  const file = await fileWith(t, 'utc_s,lat_deg\n1,2\n');
  await t.rejects(start(t, { file }), { code: 'port-unavailable', message: /no recording/, hint: /RaceChrono/ });
});

t.test('rows that cannot be used are counted, and their lines can be asked for', async (t) => {
  const rows = rowsOf(4);
  rows[1] = 'torn';
  rows[2] = (rows[2] ?? '').replace('31.5', '31,5');
  const { collector, intake, health } = await play(t, raceChrono(rows));
  t.match(health, { received: 4, samples: 12, errors: { 'cell-count': 2 } });
  t.same((collector as ReplayCollector).damaged, [{ reason: 'cell-count', count: 2, lines: [12, 13] }]);
  t.same(intake.values('tianma/gps/speed'), [0, 3]);
});

/** Time that passes only in waits, each of which ends a little late. */
class LateTimers implements Timers {
  time = 0;

  now(): number {
    return this.time;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = setImmediate(() => {
      this.time += Math.ceil(delayMs) + 3;
      action();
    });
    return () => clearImmediate(timer);
  }
}

t.test('a recording is played at its speed, and rows keep their distances', async (t) => {
  const file = await fileWith(t, raceChrono(rowsOf(101, 10)));
  const timers = new LateTimers();
  const clock = { now: () => timers.time * 1e3, observe: () => {} };
  const intake = new RecordedIntake();
  const settings = replaySettings({ file, speed: 2 });
  const collector = new ReplayCollector(settings, { source: 'tianma', intake, clock }, { timers });
  const begin = clock.now();
  await collector.start();
  await waitFor('the end of the recording', () => collector.health().state === 'stopped');
  const times = intake.samples('tianma/gps/speed').map(({ time }) => time - begin);
  t.same(
    times,
    Array.from({ length: 101 }, (_, n) => n * 5000),
  );
  const elapsed = clock.now() - begin;
  t.ok(elapsed >= 500_000 && elapsed < 520_000, `${elapsed} us`);
  t.ok(intake.published > 30, 'as they are due, not all at once');
  await collector.stop();
  await collector.start();
  await waitFor('the end of the second replay', () => intake.values('tianma/gps/speed').length === 202);
  t.ok(clock.now() - begin >= elapsed + 500_000, 'started again, it keeps its pace');
  await collector.stop();
});

t.test('in a loop the times go on', async (t) => {
  const file = await fileWith(t, raceChrono(rowsOf(50)));
  const { collector, intake } = await start(t, { file, speed: 'max', loop: true, timestamp: 'device' });
  await waitFor('three rounds', () => intake.values('tianma/gps/speed').length >= 150);
  await collector.stop();
  const samples = intake.samples('tianma/gps/speed').slice(0, 150);
  t.same(
    samples.map(({ time }) => time),
    Array.from({ length: 150 }, (_, n) => START * 1e6 + n * 20_000),
  );
  t.same(
    samples.map(({ value }) => value),
    Array.from({ length: 150 }, (_, n) => n % 50),
  );
});

t.test('a loop of a recording without rows comes to an end', async (t) => {
  const { health } = await play(t, raceChrono([]), { loop: true });
  t.match(health, { state: 'stopped', received: 0, samples: 0 });
});

/** Takes a little at a time, as a ring whose store is slow. */
class TightIntake extends RecordedIntake {
  refused = 0;
  override room = 70;

  override push(channel: number, time: number, value: number): boolean {
    const taken = super.push(channel, time, value);
    if (!taken) this.refused += 1;
    return taken;
  }

  override publish(): number {
    setImmediate(() => {
      this.room = 70;
    });
    return super.publish();
  }
}

t.test('a replay at full speed loses nothing to a store that is slower', async (t) => {
  const intake = new TightIntake();
  const rows = rowsOf(500).map((row) => `${row}${'!'.repeat(300)}`);
  const { health } = await play(t, raceChrono(rows), {}, intake);
  t.match(health, { received: 500, samples: 3000, dropped: 0 });
  t.equal(intake.refused, 0);
  t.equal(intake.texts('tianma/obd/tyre').length, 500);
});

t.test('a replay that waits for room, or for a row that is not due yet, can be stopped', async (t) => {
  const intake = new RecordedIntake();
  intake.room = 20;
  const file = await fileWith(t, raceChrono(rowsOf(100)));
  const { collector } = await start(t, { file, speed: 'max' }, intake);
  await waitFor('rows', () => collector.health().received > 0);
  await collector.stop();
  t.match(collector.health(), { state: 'stopped', dropped: 0 });
  const paced = await start(t, { file: await fileWith(t, raceChrono(rowsOf(2, 3_600_000))) });
  await waitFor('the first row', () => paced.collector.health().received === 1);
  t.equal(paced.collector.health().state, 'running');
  await paced.collector.stop();
  t.match(paced.collector.health(), { state: 'stopped', received: 1 });
});

t.test('a replay can be started again, and begins anew', async (t) => {
  const { collector, intake } = await play(t, raceChrono(rowsOf(10)), { timestamp: 'device' });
  await collector.stop();
  await collector.start();
  await waitFor('the second replay', () => intake.values('tianma/gps/speed').length === 20);
  t.equal(intake.samples('tianma/gps/speed')[10]?.time, START * 1e6);
});

t.test('an archive that breaks off is played as far as it goes, and says so', async (t) => {
  const packed = gzipSync(raceChrono(rowsOf(5000)));
  const { health } = await play(t, packed.subarray(0, packed.length / 2));
  t.match(health, { state: 'stopped', errors: { 'recording-broken-off': 1 }, problem: /session\.csv: / });
  t.ok(health.samples > 0);
});

t.test('a recording that is not there yet is waited for', async (t) => {
  const file = await fileWith(t, '');
  await rm(file);
  const intake = new RecordedIntake();
  const collector = new ReplayCollector(
    replaySettings({ file, speed: 'max' }),
    { source: 'tianma', intake, clock: new SetClock() },
    { timers: new HurriedTimers() },
  );
  t.teardown(() => collector.stop());
  await collector.start();
  t.match(collector.health(), { state: 'waiting', problem: /session\.csv: ENOENT/ });
  await appear(file, raceChrono(rowsOf(3)));
  await waitFor('the samples', () => intake.values('tianma/gps/speed').length === 3);
});

t.test('a file that appears later and is no recording is refused by health', async (t) => {
  const file = await fileWith(t, '');
  await rm(file);
  const collector = new ReplayCollector(
    replaySettings({ file, speed: 'max', loop: true }),
    { source: 'tianma', intake: new RecordedIntake(), clock: new SetClock() },
    { timers: new HurriedTimers() },
  );
  t.teardown(() => collector.stop());
  await collector.start();
  await appear(file, 'a,b\n1,2\n');
  await waitFor('the refusal', () => collector.health().state === 'stopped');
  t.match(collector.health().problem, /no recording that can be played/);
});

t.test('what can be replayed is told from what cannot', async (t) => {
  const cases: [string | Uint8Array, boolean][] = [
    [raceChrono(rowsOf(1)), true],
    [gzipSync(raceChrono(rowsOf(1))), true],
    [aim([]), true],
    ['utc_s,lat_deg\n1,2\n', false],
    ['', false],
    [gzipSync(raceChrono(rowsOf(1))).subarray(0, 30), false],
  ];
  for (const [content, is] of cases) t.equal(await isReplayable(await fileWith(t, content)), is);
  t.equal(await isReplayable(tmpdir()), false);
  t.equal(await isReplayable(join(tmpdir(), 'not-there.csv')), false);
});
