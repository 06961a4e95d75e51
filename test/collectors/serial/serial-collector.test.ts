import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { OWNER_SILENT_US } from '../../../collectors/serial/nmea/selection.ts';
import { UNKNOWN_TYPES_MAX } from '../../../collectors/serial/outlet.ts';
import {
  createSerialCollector,
  NOISE_BYTES_MAX,
  SerialCollector,
} from '../../../collectors/serial/serial-collector.ts';
import { type SerialConfig, serialSettings } from '../../../collectors/serial/serial-config.ts';
import { MemoryWire } from '../../../hardware/serial/memory-port.ts';
import { openPty } from '../../../hardware/serial/pty.ts';
import { waitFor } from '../../wait-for.ts';
import { play, serialRecording, skipWithout } from './play.ts';
import { RecordedIntake, SetClock } from './recorded-intake.ts';
import { navPvt } from './ubx/ubx-frames.ts';

function seal(body: string): string {
  const sum = Buffer.from(body, 'latin1').reduce((total, byte) => total ^ byte, 0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
}

/** A collector at a wire in memory, running. */
async function running(config: Omit<SerialConfig, 'port'> = {}) {
  const wire = new MemoryWire();
  const intake = new RecordedIntake();
  const clock = new SetClock();
  const settings = serialSettings({ port: { path: '/dev/ttyS0', baudRate: 9600 }, ...config });
  const collector = new SerialCollector(settings, { source: 'gps', intake, clock }, wire.port());
  await collector.start();
  const say = (...bodies: string[]) => wire.send(Buffer.from(bodies.map(seal).join(''), 'latin1'));
  return { wire, intake, clock, collector, say };
}

const RMC = 'GPRMC,120000.00,A,4916.45,N,12311.12,W,10.0,054.7,010120,020.3,E';
const UTC = Date.UTC(2020, 0, 1, 12) * 1e3;

t.test('stamps a fix with its UTC where the config says so, and the rest on arrival', async (t) => {
  const { intake, clock, say } = await running({ timestamp: 'device' });
  clock.time = 42;
  await say(RMC, 'SDDBT,7.7,f,2.3,M,1.3,F', 'GPGGA,120000.00,4916.45,N,12311.12,W,1,6,1.2,18.9,M,,M,,');
  t.same(intake.samples('gps/speed'), [{ time: UTC, value: (10 * 1852) / 3600 }]);
  t.same(intake.samples('gps/altitude'), [{ time: UTC, value: 18.9 }]);
  t.same(intake.samples('gps/depth/transducer'), [{ time: 42, value: 2.3 }]);
  t.same(intake.samples('gps/fix/quality'), [{ time: 42, value: 1 }]);
  t.equal(intake.channels.get('gps/speed')?.stamp, 'device');
  t.equal(intake.channels.get('gps/depth/transducer')?.stamp, 'arrival');
});

t.test('stamps everything on arrival by default, in one published batch', async (t) => {
  const { intake, clock, say } = await running();
  clock.time = 77;
  await say(RMC, 'SDDBT,7.7,f,2.3,M,1.3,F');
  t.same(intake.samples('gps/speed')[0]?.time, 77);
  t.equal(intake.published, 1);
  t.match(intake.channels.get('gps/position/latitude'), {
    unit: 'deg',
    stamp: 'arrival',
    source: 'gps',
    type: 'number',
  });
  t.match(intake.channels.get('gps/fix/valid'), { type: 'bool' });
});

t.test('counts a fix without a date where it must carry UTC', async (t) => {
  const { intake, collector, say } = await running({ timestamp: 'device' });
  await say('GPGLL,4916.45,N,12311.12,W,225444,A');
  t.same(collector.health().errors, { 'no-utc': 1 });
  t.same(intake.values('gps/position/latitude'), []);
  t.same(intake.values('gps/fix/valid'), [1]);
});

t.test('takes a fix once, from whichever sentence tells it first', async (t) => {
  const { intake, say } = await running();
  await say(
    'GPGGA,120000.00,4916.45,N,12311.12,W,1,6,1.2,18.9,M,,M,,',
    RMC,
    'GPVTG,054.7,T,034.4,M,010.0,N,018.5,K,A',
    'GPGLL,4916.45,N,12311.12,W,120000.00,A',
    'GPGLL,4917.45,N,12311.12,W,120001.00,A',
    'GPVTG,054.7,T,034.4,M,011.0,N,018.5,K,A',
  );
  t.equal(intake.values('gps/position/latitude').length, 2);
  t.same(intake.values('gps/speed'), [(10 * 1852) / 3600, (11 * 1852) / 3600]);
});

t.test('takes an instrument from one sentence until that is silent', async (t) => {
  const { intake, clock, say } = await running();
  await say('SDDPT,5.3,0.4', 'SDDBT,,f,5.4,M,,F');
  clock.time += OWNER_SILENT_US - 1;
  await say('SDDBT,,f,5.5,M,,F');
  clock.time += 1;
  await say('SDDBT,,f,5.6,M,,F', 'SDDPT,5.7,0.4');
  t.same(intake.values('gps/depth/transducer'), [5.3, 5.6]);
});

t.test('listens to the configured talkers only', async (t) => {
  const { intake, collector, say } = await running({ talkers: ['GN'] });
  await say('GPGLL,4916.45,N,12311.12,W,120000,A', 'GNGLL,4917.45,N,12311.12,W,120000,A', 'PGRME,15.0,M');
  t.same(intake.values('gps/position/latitude'), [49 + 17.45 / 60]);
  t.equal(collector.health().received, 3);
  t.same(collector.health().errors, {});
});

t.test('names channels by the prefix', async (t) => {
  const { intake, say } = await running({ prefix: 'car7/gnss' });
  await say(RMC);
  t.ok(intake.channels.has('car7/gnss/position/latitude'));
});

t.test('counts each reason, and names a bounded number of unknown types', async (t) => {
  const { collector, wire, say } = await running();
  await wire.send(Buffer.from('$GPGLL,4916.45,N*00\r\n$GPGLL,4916.45,N\r\n', 'latin1'));
  await say('SDMTW,x,C');
  const letter = (index: number) => String.fromCharCode(65 + (index % 26));
  for (let index = 0; index < UNKNOWN_TYPES_MAX + 5; index += 1) await say(`PX${letter(index)}${letter(index / 26)},1`);
  const { errors, received } = collector.health();
  t.match(errors, { 'bad-checksum': 1, 'no-checksum': 1, 'bad-field': 1, 'unknown PXAA': 1, 'unknown others': 5 });
  t.equal(received, 3 + UNKNOWN_TYPES_MAX + 5);
});

t.test('shows a port that is gone as waiting, and goes on when it is back', async (t) => {
  const { collector, wire, intake, say } = await running();
  t.equal(collector.health().state, 'starting');
  await say(RMC);
  t.equal(collector.health().state, 'running');
  await wire.send(Buffer.from('$GPGLL,4916', 'latin1'));
  wire.unplug();
  t.match(collector.health(), { state: 'waiting', problem: /memory.*unplugged/, errors: { 'cut-off': 1 } });
  await collector.stop();
  t.equal(collector.health().state, 'stopped');
  wire.plug();
  await collector.start();
  await say('GPRMC,120001.00,A,4916.45,N,12311.12,W,10.0,054.7,010120,020.3,E');
  t.equal(intake.values('gps/speed').length, 2);
  await collector.stop();
});

t.test('counts a sentence that the intake had no room for', async (t) => {
  const { collector, intake, say } = await running();
  intake.room = 2;
  await say(RMC);
  t.match(collector.health(), { samples: 2, dropped: 1 });
});

t.test('tells the clock what a live receiver shows, with its error', async (t) => {
  const { clock, say } = await running();
  clock.time = 5_000_000;
  await say('GPRMC,120000.00,V,,,,,,,010120,,');
  t.same(clock.readings, [], 'nothing without a fix');
  clock.time = 4_000_000;
  await say('GPRMC,115959.00,A,4916.45,N,12311.12,W,10.0,054.7,010120,020.3,E');
  t.same(clock.readings, [], 'nor before the interval of fixes is known');
  clock.time = 5_000_000;
  await say(RMC);
  const [reading] = clock.readings;
  t.equal(reading?.source, 'gnss');
  t.equal(reading?.time, 5_000_000);
  const offset = UTC - 5_000_000;
  t.ok(reading !== undefined && reading.offset > offset && reading.offset - reading.error < offset + 80_000);
});

t.test('tells the clock nothing from a recording', skipWithout('gpsd/telit-he910.log'), async (t) => {
  const { clock, intake } = await play(serialRecording('gpsd/telit-he910.log'));
  t.ok(intake.values('gps/speed').length > 0);
  t.same(clock.readings, []);
});

t.test('says that no sentence comes of all the bytes, as at a wrong baud rate, until one does', async (t) => {
  const { wire, collector, say } = await running();
  const noise = Uint8Array.from({ length: NOISE_BYTES_MAX + 1 }, (_, index) => 0x80 | (index * 37));
  await wire.send(noise.subarray(1));
  t.equal(collector.health().state, 'starting');
  await wire.send(noise.subarray(0, 1));
  t.match(collector.health(), { state: 'waiting', problem: /no NMEA 0183 sentence in the last \d+ bytes.*baudRate/ });
  await say('', RMC);
  t.equal(collector.health().state, 'running');
  t.equal(collector.health().problem, undefined);
});

t.test('reads a recording no faster than the intake has room', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-serial-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const log = join(folder, 'wire.log');
  await writeFile(log, seal('SDMTW,17.9,C').repeat(20_000));
  const intake = new RecordedIntake();
  intake.room = 10_000;
  const collector = createSerialCollector({ port: { log } }, { source: 'gps', intake, clock: new SetClock() });
  await collector.start();
  t.teardown(() => collector.stop());
  await waitFor('the first piece', () => collector.health().samples > 0);
  const held = collector.health().samples;
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.equal(collector.health().samples, held, 'it waits');
  intake.room = 100_000;
  await waitFor('the end', () => collector.health().state === 'stopped');
  t.match(collector.health(), { samples: 20_000, dropped: 0 });
});

t.test('stops while a recording waits for room', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-serial-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const log = join(folder, 'wire.log');
  await writeFile(log, seal('SDMTW,17.9,C').repeat(20_000));
  const intake = new RecordedIntake();
  intake.room = 10_000;
  const collector = createSerialCollector({ port: { log } }, { source: 'gps', intake, clock: new SetClock() });
  await collector.start();
  await waitFor('the first piece', () => collector.health().samples > 0);
  await collector.stop();
  t.equal(collector.health().state, 'stopped');
});

t.test('a u-blox receiver tells its fix and the time, whatever else is on the wire', async (t) => {
  const { wire, intake, clock, collector } = await running({ protocol: 'mixed', timestamp: 'device' });
  const second = (index: number) => navPvt({ iTow: 385_200_000 + index * 1e3, utc: [2020, 1, 2, 10, 59, 40 + index] });
  const gga = (index: number) => Buffer.from(seal(`GPGGA,10594${index}.00,5021.9,N,00514.8,E,1,6,1.2,18.9,M,,M,,`));
  for (let index = 0; index < 3; index += 1) {
    clock.time = 1e9 + index * 1e6 + 250_000;
    await wire.send(Buffer.concat([second(index), gga(index), Buffer.from([0xd3, 0, 0xb5, 0x55])]));
  }
  await collector.stop();
  const utc = Date.UTC(2020, 0, 2, 10, 59, 40) * 1e3;
  t.same(intake.samples('gps/position/latitude'), [
    { time: utc, value: 50.3654321 },
    { time: utc + 1e6, value: 50.3654321 },
    { time: utc + 2e6, value: 50.3654321 },
  ]);
  t.same(intake.values('gps/fix/quality'), [1, 1, 1], 'what only the sentence tells is taken from it');
  t.equal(clock.readings.length, 1);
  t.match(clock.readings[0], { source: 'gnss', time: 1e9 + 1_250_000 });
  t.ok(Math.abs((clock.readings[0]?.offset ?? 0) - (utc - 1e9)) <= (clock.readings[0]?.error ?? 0));
});

t.test('sentences take over again when UBX has been silent', async (t) => {
  const { wire, intake, clock } = await running({ protocol: 'mixed' });
  const gga = (second: number) => Buffer.from(seal(`GPGGA,1059${second}.00,5021.9,N,00514.8,E,1,6,1.2,18.9,M,,M,,`));
  await wire.send(Buffer.concat([navPvt(), gga(42)]));
  clock.time += OWNER_SILENT_US - 1;
  await wire.send(gga(51));
  clock.time += 1;
  await wire.send(gga(52));
  t.same(intake.values('gps/altitude'), [76.543, 18.9]);
});

t.test('a receiver whose time stands still gives a sample a fix all the same', async (t) => {
  const { wire, intake, clock } = await running({ protocol: 'mixed' });
  for (const valid of [0, 0, 0x0f, 0x0f]) {
    clock.time += 100_000;
    await wire.send(navPvt({ iTow: 0, valid }));
  }
  t.equal(intake.values('gps/speed').length, 4, 'UBX without a time of week, ten times a second');
  const still = await running();
  for (const satellites of ['03', '04', '05', '07']) {
    still.clock.time += 1e6;
    const gga = seal(`GPGGA,000000.00,,,,,0,${satellites},,,M,,M,,`);
    await still.wire.send(Buffer.from(gga + seal('GPRMC,000000.00,V,,,,,,,060180,,,N') + gga));
  }
  t.same(still.intake.values('gps/satellites'), [3, 4, 5, 7], 'sentences of a receiver without a fix');
  t.same(still.clock.readings, [], 'and what it shows is no time');
});

t.test('says which protocol it does not find', async (t) => {
  const { wire, collector } = await running({ protocol: 'ubx' });
  await wire.send(Buffer.alloc(NOISE_BYTES_MAX + 1, 0x55));
  t.match(collector.health().problem, /no UBX frame in the last 16385 bytes/);
});

const LOG = 'gpsd/bundg_zeus_9.log';

t.test('gives the same samples from a pseudo terminal as from the recording', skipWithout(LOG), async (t) => {
  const expected = await play(serialRecording(LOG), { timestamp: 'device' });
  const wire = readFileSync(serialRecording(LOG));
  const pty = await openPty();
  t.teardown(() => pty.close());
  const intake = new RecordedIntake();
  const clock = new SetClock();
  const config: SerialConfig = { port: { path: pty.path, baudRate: 115_200 }, timestamp: 'device' };
  const collector = createSerialCollector(config, { source: 'gps', intake, clock });
  await collector.start();
  t.teardown(() => collector.stop());
  t.equal(collector.health().state, 'starting');
  t.ok(pty.write(wire));
  await waitFor('all sentences', () => collector.health().received === expected.health.received);
  t.equal(pty.droppedBytes, 0);
  t.same(collector.health().errors, expected.health.errors);
  for (const name of expected.intake.channels.keys()) t.same(intake.values(name), expected.intake.values(name), name);
});
