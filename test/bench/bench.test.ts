import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import t from 'tap';
import { bruteForceM4, differingPixels } from './brute-force-m4.ts';
import { atLeast, atMost, isMet } from './figure.ts';
import { valueText } from './report.ts';
import { median, percentile } from './statistics.ts';

const run = promisify(execFile);
const bench = (...args: string[]) => run(process.execPath, [join(import.meta.dirname, 'bench.js'), ...args]);

t.test('prints exactly figures and machine with --json, and how far it is on stderr', async (t) => {
  const { stdout, stderr } = await bench('ring', '--json');
  const { figures, machine, ...rest } = JSON.parse(stdout) as Record<'figures' | 'machine', Record<string, unknown>>;
  t.same(rest, {});
  t.same(Object.keys(figures), ['ring_samples_per_s', 'ring_write_ns', 'ring_drain_ns']);
  for (const [name, value] of Object.entries(figures)) t.ok(Number(value) > 0, `${name} is ${value}`);
  t.match(machine, { cpu: String, cores: Number, memoryMiB: Number, node: process.version, sqlite: /^3\./ });
  t.match(stderr, /samples\/s from thread to thread/);
});

t.test('lists the benches without a name, and refuses one that is not there', async (t) => {
  const { stdout } = await bench();
  t.same(
    stdout.split('\n').map((line) => line.split(' ')[0]),
    ['ring', 'store', 'query', 'recovery', 'collectors', 'sync', 'central', 'cycles', 'car', ''],
  );
  await t.rejects(bench('speed'), { code: 2, stdout: '', stderr: /speed is not one of these/ });
});

t.test('fails without the recordings, and says how to name their place', async (t) => {
  const env = { ...process.env, CAISSON_TEST_DATA: join(import.meta.dirname, 'nowhere') };
  const failed = run(process.execPath, [join(import.meta.dirname, 'bench.js'), 'store', '--json'], { env });
  await t.rejects(failed, { code: 1, stdout: '', stderr: /no recordings in .*CAISSON_TEST_DATA/ });
});

t.test('says in one line what is not installed that a bench needs, before it runs', async (t) => {
  // Where no command is found, no probe succeeds and nothing can be installed.
  const env = { ...process.env, PATH: join(import.meta.dirname, 'nowhere') };
  const cases = { store: 'victoria-metrics', collectors: 'influxdb mosquitto', central: 'postgresql' };
  for (const [name, packages] of Object.entries(cases)) {
    const failed = run(process.execPath, [join(import.meta.dirname, 'bench.js'), name, '--json'], { env });
    const line = new RegExp(`^bench ${name}: not installed: [a-z0-9 -]*${packages} \\(apt-get install [^()]*\\)\n$`);
    await t.rejects(failed, { code: 1, stdout: '', stderr: line }, name);
  }
});

t.test('takes percentiles by nearest rank', async (t) => {
  const values = [5, 1, 4, 2, 3];
  t.equal(median(values), 3);
  t.equal(median([1, 2, 3, 4]), 2);
  t.equal(percentile(values, 99), 5);
  t.equal(percentile(values, 20), 1);
  t.throws(() => median([]), RangeError);
});

t.test('holds a figure against its target', async (t) => {
  const figure = { name: 'x', value: 2, unit: '', meaning: '' };
  t.ok(isMet(figure));
  t.ok(isMet({ ...figure, target: atMost(2) }));
  t.notOk(isMet({ ...figure, target: atMost(1.9) }));
  t.notOk(isMet({ ...figure, target: atLeast(2.1) }));
});

t.test('shows four digits that count', async (t) => {
  for (const [value, text] of [
    [0, '0'],
    [0.123456, '0.1235'],
    [12.3456, '12.35'],
    [84_614_186.4, '84,614,186'],
  ] as const) {
    t.equal(valueText(value), text);
  }
});

t.test('draws M4 by its definition, and tells pixels apart that differ in one bit', async (t) => {
  const samples = [
    { time: 0, value: 3 },
    { time: 9, value: 1 },
    { time: 10, value: -0 },
    { time: 39, value: 7 },
    { time: 40, value: 100 },
  ];
  const m4 = bruteForceM4(samples, 0, 40, 4);
  t.same([...m4.count], [2, 1, 0, 1]);
  t.same([...m4.min], [1, -0, Number.NaN, 7]);
  t.same([...m4.max], [3, -0, Number.NaN, 7]);
  t.same([...m4.first], [3, -0, Number.NaN, 7]);
  t.same([...m4.last], [1, -0, Number.NaN, 7]);
  t.equal(differingPixels(m4, bruteForceM4(samples, 0, 40, 4)), 0);
  const other = bruteForceM4(samples.with(2, { time: 10, value: 0 }), 0, 40, 4);
  t.equal(differingPixels(m4, other), 1);
});
