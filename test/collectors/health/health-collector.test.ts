import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { createHealthCollector, HealthCollector } from '../../../collectors/health/health-collector.ts';
import { healthSettings } from '../../../collectors/health/health-config.ts';
import { levels, rates, spaceSamples } from '../../../collectors/health/host-samples.ts';
import { HostReader, type HostReading } from '../../../hardware/host/host-reader.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';

const BEFORE: HostReading = {
  atMs: 1000,
  cpus: new Map([
    ['cpu', { busy: 100, total: 1000 }],
    ['cpu0', { busy: 60, total: 500 }],
  ]),
  loadAverages: [0.5, 0.4, 0.3],
  memory: { total: 4000, available: 1000, swapTotal: 0, swapFree: 0 },
  pressures: new Map([['io', { some: 1_000_000, full: 0 }]]),
  disks: new Map([['sda', { readBytes: 1000, writtenBytes: 5000, busyMs: 100 }]]),
  interfaces: new Map([['eth0', { receivedBytes: 10_000, sentBytes: 2000, lostPackets: 3 }]]),
  uptime: 77,
  process: { cpuUs: 1_000_000, rss: 123_456 },
};

const AFTER: HostReading = {
  ...BEFORE,
  atMs: 3000,
  cpus: new Map([
    ['cpu', { busy: 150, total: 1200 }],
    ['cpu0', { busy: 110, total: 600 }],
  ]),
  pressures: new Map([['io', { some: 1_200_000, full: 20_000 }]]),
  disks: new Map([['sda', { readBytes: 3000, writtenBytes: 9000, busyMs: 1100 }]]),
  interfaces: new Map([
    ['eth0', { receivedBytes: 30_000, sentBytes: 1000, lostPackets: 4 }],
    ['wwan0', { receivedBytes: 1, sentBytes: 1, lostPackets: 0 }],
  ]),
  process: { cpuUs: 1_100_000, rss: 123_456 },
};

const values = (samples: readonly { path: string; value: number }[]) =>
  Object.fromEntries(samples.map(({ path, value }) => [path, value]));

t.test('says what is true at one moment', async (t) => {
  t.same(values(levels(BEFORE)), {
    'process/memory': 123_456,
    'memory/used': 3000,
    'memory/available': 1000,
    'memory/total': 4000,
    'memory/load': 75,
    'load/1min': 0.5,
    'load/5min': 0.4,
    'load/15min': 0.3,
    uptime: 77,
  });
  t.same(values(spaceSamples({ total: 200, free: 50 })), { 'disk/free': 50, 'disk/total': 200, 'disk/load': 75 });
});

t.test('says what happened between two moments', async (t) => {
  t.same(values(rates(BEFORE, AFTER)), {
    'process/cpu': 5,
    'cpu/total': 25,
    'cpu/0': 50,
    'pressure/io/some': 10,
    'pressure/io/full': 1,
    'disk/sda/read': 1000,
    'disk/sda/written': 2000,
    'disk/sda/busy': 50,
    'network/eth0/received': 10_000,
    'network/eth0/lost': 4,
  });
  t.same(rates(AFTER, AFTER), [], 'no time passed');
  const back = values(rates({ ...AFTER, atMs: 1000 }, { ...BEFORE, atMs: 3000 }));
  t.same(Object.keys(back).sort(), ['network/eth0/lost', 'network/eth0/sent'], 'no rate of a counter that went back');
});

t.test('samples the machine it runs on', async (t) => {
  const intake = new RecordedIntake();
  const collector = createHealthCollector({ intervalSeconds: 0.1 }, { source: 'box', intake, clock: new SetClock() });
  t.equal(collector.health().state, 'stopped');
  await collector.start();
  t.teardown(() => collector.stop());
  await waitFor(
    'a rate and a level',
    () => intake.values('box/cpu/total').length > 1 && intake.values('box/disk/free').length > 1,
  );
  t.equal(collector.health().state, 'running');
  const load = intake.values('box/cpu/total')[0] ?? -1;
  t.ok(load >= 0 && load <= 100);
  const [used = 0] = intake.values('box/memory/used');
  const [total = 0] = intake.values('box/memory/total');
  t.ok(used > 0 && used < total);
  t.ok((intake.values('box/process/memory')[0] ?? 0) > 10e6);
  t.match(intake.channels.get('box/memory/used'), { unit: 'B', source: 'box', rateHz: 10, type: 'number' });
  await collector.stop();
  const count = collector.health().samples;
  t.equal(collector.health().state, 'stopped');
  await new Promise((resolve) => setTimeout(resolve, 150));
  t.equal(collector.health().samples, count, 'nothing after stop');
});

t.test('gives temperatures with the limits of their makers, and no channel for what is missing', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'caisson-health-'));
  t.teardown(() => rm(root, { recursive: true }));
  const files = { name: 'coretemp', temp1_input: '45000', temp1_max: '80000', temp1_crit: '100000' };
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, 'sys/class/hwmon/hwmon0', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  const intake = new RecordedIntake();
  const settings = healthSettings({ intervalSeconds: 0.1, prefix: 'rack', disk: join(root, 'nowhere') });
  const context = { source: 'box', intake, clock: new SetClock() };
  const collector = new HealthCollector(settings, context, new HostReader(root));
  await collector.start();
  t.teardown(() => collector.stop());
  await waitFor('a temperature', () => intake.values('rack/temperature/coretemp/temp1').length > 0);
  t.equal(intake.values('rack/temperature/coretemp/temp1')[0], 45);
  t.same(intake.channels.get('rack/temperature/coretemp/temp1')?.limits, { highWarn: 80, highAlarm: 100 });
  await waitFor('a second tick', () => collector.health().received > 2);
  t.same([...intake.channels.keys()].sort(), [
    'rack/process/cpu',
    'rack/process/memory',
    'rack/temperature/coretemp/temp1',
  ]);
  t.same(collector.health().errors, {});
});

t.test('can be stopped while it starts', async (t) => {
  const intake = new RecordedIntake();
  const collector = createHealthCollector({}, { source: 'box', intake, clock: new SetClock() });
  const starting = collector.start();
  await collector.stop();
  await starting;
  t.equal(collector.health().state, 'stopped');
  t.equal(intake.channels.size, 0);
});
