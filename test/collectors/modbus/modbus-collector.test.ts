import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { createModbusCollector, ModbusCollector } from '../../../collectors/modbus/modbus-collector.ts';
import { type ModbusConfig, modbusSettings } from '../../../collectors/modbus/modbus-config.ts';
import { RtuFraming } from '../../../collectors/modbus/rtu-framing.ts';
import { MemoryWire } from '../../../hardware/serial/memory-port.ts';
import { openPty } from '../../../hardware/serial/pty.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { requireTools } from '../../debian.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';

/** A server of another make; resolves with the first line that it prints. */
async function server(t: Test, ...args: string[]): Promise<{ line: string; child: ChildProcess }> {
  const script = join(PROJECT_ROOT, 'test/collectors/modbus/pymodbus_server.py');
  const child = spawn('/usr/bin/python3', [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { line, child };
}

const UNITS: ModbusConfig['units'] = [
  {
    unit: 1,
    everyMs: 50,
    timeoutMs: 10_000,
    points: [
      { name: 'first', address: 0, scale: 0.5, offset: 10, unit: 'bar' },
      { name: 'second', address: 1, type: 'u32' },
      { name: 'bit', address: 3, bit: 1 },
      { name: 'field', address: 3, bit: 3, bits: 3, labels: { '5': 'five' } },
      { name: 'absent', address: 4, absent: 1004 },
      { name: 'far', address: 3000 },
      { name: 'input', table: 'input', address: 7 },
      { name: 'odd', table: 'coil', address: 3 },
      { name: 'even', table: 'coil', address: 4 },
      { name: 'third', table: 'discrete', address: 9 },
    ],
  },
  {
    unit: 2,
    name: 'small',
    everyMs: 50,
    timeoutMs: 10_000,
    points: [
      { name: 'there', address: 9 },
      { name: 'beyond', address: 10 },
    ],
  },
  { unit: 3, name: 'gone', everyMs: 50, timeoutMs: 60, points: [{ name: 'value', address: 0 }] },
];

/** First values of each channel that pymodbus serves. */
const EXPECTED: Readonly<Record<string, number>> = {
  'plc/first': 510,
  'plc/second': 1001 * 65_536 + 1002,
  'plc/bit': 1,
  'plc/field': 5,
  'plc/far': 4000,
  'plc/input': 2007,
  'plc/odd': 1,
  'plc/even': 0,
  'plc/third': 1,
  'plc/small/there': 9,
  'plc/unit-1/online': 1,
  'plc/small/online': 1,
  'plc/gone/online': 0,
};

async function readsFrom(t: Test, port: ModbusConfig['port']): Promise<void> {
  const intake = new RecordedIntake();
  const collector = createModbusCollector({ port, units: UNITS }, { source: 'plc', intake, clock: new SetClock() });
  await collector.start();
  t.teardown(() => collector.stop());
  await waitFor('every channel', () => Object.keys(EXPECTED).every((name) => intake.samples(name).length > 0));
  for (const [name, value] of Object.entries(EXPECTED)) t.equal(intake.values(name)[0], value, name);
  t.match(intake.channels.get('plc/first'), {
    unit: 'bar',
    type: 'number',
    scale: { gain: 0.5, offset: 10 },
    rateHz: 20,
  });
  t.match(intake.channels.get('plc/bit'), { type: 'bool' });
  t.match(intake.channels.get('plc/field'), { type: 'enum', labels: { '5': 'five' } });
  t.notOk(intake.channels.has('plc/absent'));
  t.notOk(intake.channels.has('plc/small/beyond'));
  const { state, problem, errors } = collector.health();
  t.equal(state, 'running');
  t.match(problem, /no answer from gone/);
  t.ok((errors['exception illegal data address'] ?? 0) >= 2, 'the whole read once, then that point');
  t.ok((errors['no-answer'] ?? 0) >= 3);
  await waitFor('others are read meanwhile', () => intake.samples('plc/first').length > 2);
  await collector.stop();
  t.equal(collector.health().state, 'stopped');
}

t.test('reads a pymodbus server over TCP', async (t) => {
  if (!requireTools(t, 'pymodbus')) return;
  const { line } = await server(t, 'tcp');
  await readsFrom(t, { host: '127.0.0.1', port: Number(line) });
});

t.test('reads a pymodbus server over a serial line', async (t) => {
  if (!requireTools(t, 'pymodbus')) return;
  const [near, far] = [await openPty(), await openPty()];
  t.teardown(() => Promise.all([near.close(), far.close()]));
  near.onData((bytes) => far.write(Buffer.from(bytes)));
  far.onData((bytes) => near.write(Buffer.from(bytes)));
  await server(t, 'rtu', far.path);
  await readsFrom(t, { path: near.path, baudRate: 115_200, parity: 'none' });
});

/** A collector at a wire in memory; `answer` is what the device sends to each request. */
async function running(answer: (request: Buffer) => readonly Buffer[] | undefined, config: Partial<ModbusConfig> = {}) {
  const wire = new MemoryWire();
  const intake = new RecordedIntake();
  const units: ModbusConfig['units'] = [
    { everyMs: 10, timeoutMs: 20, points: [{ name: 'value', address: 0, type: 'u32' }] },
  ];
  const settings = modbusSettings({ port: { path: '/dev/ttyS0' }, units, ...config });
  const collector = new ModbusCollector(settings, { source: 'plc', intake, clock: new SetClock() }, wire.port());
  await collector.start();
  let isServing = true;
  const serving = (async () => {
    while (isServing) {
      for (const request of wire.takeWritten()) {
        for (const piece of answer(Buffer.from(request)) ?? []) await wire.send(piece);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  const stop = async () => {
    isServing = false;
    await serving;
    await collector.stop();
  };
  return { wire, intake, collector, stop };
}

const frame = (unit: number, ...pdu: number[]) => Buffer.from(new RtuFraming().request(unit, Uint8Array.from(pdu)));

t.test('takes an answer in pieces, behind an echo of the request and noise', async (t) => {
  const value = frame(1, 3, 4, 0, 1, 0, 2);
  const { intake, stop } = await running((request) => [
    request,
    Buffer.from([0xff, 0x01, 0x03]),
    value.subarray(0, 4),
    value.subarray(4),
  ]);
  t.teardown(stop);
  await waitFor('three samples', () => intake.samples('plc/value').length >= 3);
  t.ok(intake.values('plc/value').every((one) => one === 65_538));
});

t.test('names what is wrong with answers, and goes on', async (t) => {
  const answers = [
    [Buffer.from('garbage')],
    [frame(1, 3, 2, 0, 1)],
    [frame(1, 0x83, 6)],
    [],
    [frame(2, 3, 4, 0, 1, 0, 2)],
  ];
  let turn = 0;
  const { intake, collector, stop } = await running(() => answers[turn++] ?? [frame(1, 3, 4, 0, 0, 0, 7)]);
  t.teardown(stop);
  await waitFor('a sample', () => intake.samples('plc/value').length > 0);
  t.match(collector.health().errors, {
    'garbled-answer': 2,
    'mismatched-answer': 1,
    'exception server device busy': 1,
    'no-answer': 1,
  });
});

t.test('says when nobody answers, and when the port is gone, and reads on when it is back', async (t) => {
  let isAlive = false;
  const { wire, intake, collector, stop } = await running(() => (isAlive ? [frame(1, 3, 4, 0, 0, 0, 7)] : []));
  t.teardown(stop);
  await waitFor('it to notice', () => collector.health().state === 'waiting');
  t.match(collector.health().problem, /no answer from unit 1/);
  wire.unplug();
  t.match(collector.health().problem, /the wire was unplugged/);
  isAlive = true;
  wire.plug();
  await waitFor('samples', () => intake.samples('plc/value').length > 0);
  t.same(intake.values('plc/unit-1/online'), [0, 1]);
  t.equal(collector.health().state, 'running');
});

t.test('counts what the store has no room for', async (t) => {
  const { intake, collector, stop } = await running(() => [frame(1, 3, 4, 0, 0, 0, 7)]);
  t.teardown(stop);
  intake.room = 0;
  await waitFor('a drop', () => collector.health().dropped > 0);
});
