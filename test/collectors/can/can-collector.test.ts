import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CanCollector, createCanCollector } from '../../../collectors/can/can-collector.ts';
import { type CanConfig, canSettings } from '../../../collectors/can/can-config.ts';
import { UNDEFINED_FRAMES_PER_SECOND_MAX } from '../../../collectors/can/undefined-frames.ts';
import type { Collector } from '../../../collectors/collector.ts';
import { FRAME_ERROR, FRAME_EXTENDED, FRAME_REMOTE, FrameBatch } from '../../../hardware/can/can-frame.ts';
import { SlcanAdapter } from '../../../hardware/can/slcan-adapter.ts';
import { SlcanBus } from '../../../hardware/can/slcan-bus.ts';
import { MemoryWire } from '../../../hardware/serial/memory-port.ts';
import { openPty } from '../../../hardware/serial/pty.ts';
import type { Timers } from '../../../hardware/serial/timers.ts';
import { AT_ONCE } from '../../hardware/can/at-once.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';

const DBC = `BO_ 256 Engine: 8 ECU
 SG_ Speed : 0|16@1+ (0.25,0) [0|16000] "rpm" Dash
 SG_ Oil : 23|8@0- (1,40) [0|0] "degC" Dash
 SG_ Running : 24|1@1+ (1,0) [0|1] "" Dash
 SG_ Gear : 28|4@1+ (1,-1) [0|0] "" Dash
 SG_ Torque : 32|32@1- (1,0) [0|0] "Nm" Dash
BO_ 2147483904 Engine: 2 ECU
 SG_ Speed : 0|16@1+ (1,0) [0|0] "rpm" Dash
CM_ SG_ 256 Speed "of the crankshaft";
CM_ BO_ 256 "ten times a second";
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 1000;
BA_ "GenMsgCycleTime" BO_ 256 100;
VAL_ 256 Gear 0 "reverse" 1 "neutral" ;
SIG_VALTYPE_ 256 Torque : 1;
`;

async function folderWith(t: Test, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-can-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** Frames of a log, a millisecond apart. */
function logOf(lines: readonly string[], gapMs = 1): string {
  return lines.map((line, n) => `(${(1_600_000_000 + (n * gapMs) / 1e3).toFixed(6)}) ${line}\n`).join('');
}

/** Plays a log through the collector to its end. */
async function play(t: Test, lines: readonly string[], config: Partial<CanConfig> = {}, intake = new RecordedIntake()) {
  const folder = await folderWith(t, {
    'car.dbc': DBC,
    'other.dbc': DBC.replace('(0.25,0)', '(1,0)'),
    log: logOf(lines),
  });
  const full: CanConfig = {
    bus: { log: join(folder, 'log'), speed: 'max' },
    dbc: [join(folder, 'car.dbc')],
    ...config,
  };
  if (full.interfaces !== undefined) {
    for (const one of Object.values(full.interfaces))
      if (one.dbc !== undefined) one.dbc = one.dbc.map((name) => join(folder, name));
  }
  const collector = createCanCollector(full, { source: 'car7', intake, clock: new SetClock() });
  await collector.start();
  t.teardown(() => collector.stop());
  await waitFor('the end of the log', () => collector.health().state === 'stopped');
  return { intake, collector, health: collector.health() };
}

const FRAME = '100#102703815A0000C0';

t.test('a frame becomes samples of channels that say what the DBC says', async (t) => {
  const { intake, health } = await play(t, [`can0 ${FRAME}`]);
  const valuesOf = (name: string) => intake.values(`car7/Engine/${name}`);
  t.same(['Speed', 'Oil', 'Running', 'Gear'].map(valuesOf), [[2500], [43], [1], [7]]);
  t.same(intake.channels.get('car7/Engine/Speed'), {
    ...{ id: 1, name: 'car7/Engine/Speed', source: 'car7', unit: 'rpm', type: 'number', stamp: 'arrival' },
    ...{ class: 'standard', residency: 'any', description: 'of the crankshaft', rateHz: 10, decimals: 2 },
    scale: { gain: 0.25, offset: 0 },
  });
  t.match(intake.channels.get('car7/Engine/Oil'), {
    description: 'ten times a second',
    decimals: 0,
    scale: { offset: 40 },
  });
  t.match(intake.channels.get('car7/Engine/Running'), { type: 'bool' });
  t.match(intake.channels.get('car7/Engine/Gear'), { type: 'enum', labels: { '-1': 'reverse', '0': 'neutral' } });
  const torque = intake.channels.get('car7/Engine/Torque');
  t.equal(torque?.type, 'number');
  t.equal(torque?.scale, undefined, 'a float has no raw integers');
  t.match(health, { received: 1, samples: 5, errors: {}, dropped: 0, state: 'stopped' });
});

t.test('what cannot be decoded is counted by reason', async (t) => {
  const lines = [
    'can0 100#1027',
    'can0 101#00',
    'can0 100#R',
    'can0 20000001#0000000000000000',
    'nonsense',
    `can0 ${FRAME}`,
  ];
  const { intake, collector, health } = await play(t, lines);
  t.same(intake.values('car7/Engine/Speed'), [2500, 2500], 'the short frame has its speed');
  t.same(intake.values('car7/Engine/Oil'), [43]);
  t.equal(health.received, 5);
  t.same(health.errors, {
    'frame-too-short': 4,
    'no-definition': 1,
    'remote-frame': 1,
    'send-timeout': 1,
    'bad-line': 1,
  });
  await collector.stop();
  t.same(collector.health().errors, health.errors, 'also when it is stopped');
});

t.test('standard and extended identifiers are told apart, and messages of one name', async (t) => {
  const { intake } = await play(t, ['can0 100#1027', 'can0 00000100#1027']);
  t.same(intake.values('car7/Engine/Speed'), [2500]);
  t.same(intake.values('car7/Engine_100/Speed'), [10000]);
});

t.test('without interfaces the first bus has no name, and the others have theirs', async (t) => {
  const { intake, health } = await play(t, ['can1 100#1027', 'can0 100#2027', 'can1 100#3027']);
  t.same(intake.values('car7/Engine/Speed'), [2500, 2508]);
  t.same(intake.values('car7/can0/Engine/Speed'), [2504]);
  t.equal(health.samples, 3);
});

t.test('with interfaces each has its own files and name, and others are counted', async (t) => {
  const lines = ['can0 100#1027', 'can1 100#1027', 'can2 100#1027'];
  const interfaces = { can0: { name: 'engine', dbc: ['other.dbc'] }, can2: {} };
  const { intake, health } = await play(t, lines, { interfaces, prefix: 'car/9' });
  t.same(intake.values('car/9/engine/Engine/Speed'), [10000]);
  t.same(intake.values('car/9/can2/Engine/Speed'), [2500], 'the common file');
  t.equal(intake.channels.size, 2);
  t.equal(health.errors['other-interface'], 1);
});

t.test('where several files have an identifier, the first counts', async (t) => {
  const folder = await folderWith(t, {
    'a.dbc': DBC,
    'b.dbc': `${DBC.replace('(0.25,0)', '(1,0)')}BO_ 300 Extra: 1 A\n SG_ X : 0|8@1+ (1,0) [0|0] "" B`,
  });
  const { intake } = await play(t, ['can0 100#1027', 'can0 12C#07'], {
    dbc: [join(folder, 'a.dbc'), join(folder, 'b.dbc')],
  });
  t.same(intake.values('car7/Engine/Speed'), [2500]);
  t.same(intake.values('car7/Extra/X'), [7]);
});

t.test('a sample has the time that the config asks for', async (t) => {
  const lines = ['can0 100#1027', 'can0 100#1027'];
  const device = await play(t, lines, { timestamp: 'device' });
  t.same(
    device.intake.samples('car7/Engine/Speed').map(({ time }) => time),
    [1_600_000_000_000_000, 1_600_000_000_001_000],
  );
  t.equal(device.intake.channels.get('car7/Engine/Speed')?.stamp, 'device');
  const arrival = await play(t, lines);
  t.same(
    arrival.intake.samples('car7/Engine/Speed').map(({ time }) => time),
    [new SetClock().time, new SetClock().time],
  );
});

t.test('a recording is metered by its own seconds, with its silence but not its gaps', async (t) => {
  const log = [0, 0.5, 1.2, 1.3, 5.1, 90, 91.2, 91.3].map(
    (at) => `(${(1_600_000_000 + at).toFixed(6)}) can0 ${FRAME}\n`,
  );
  const folder = await folderWith(t, {
    log: `${log.join('')}(1600000092.000000) can0 20000001#0000000000000000\n(1600000093.100000) can0 ${FRAME}`,
  });
  const bus = { log: join(folder, 'log'), speed: 'max' as const, bitrate: 1_000 };
  const { intake } = await play(t, [], { bus, dbc: [], timestamp: 'device' });
  const seconds = intake.samples('car7/bus/frame_rate').map(({ time, value }) => [time / 1e6 - 1_600_000_000, value]);
  t.same(seconds, [
    [1, 2],
    [2, 2],
    [3, 0],
    [4, 0],
    [5, 0],
    [91, 1],
    [92, 2],
    [93, 0],
  ]);
  t.same(intake.values('car7/bus/error_rate'), [0, 0, 0, 0, 0, 0, 0, 1]);
  t.same(
    intake
      .values('car7/bus/load')
      .slice(0, 3)
      .map((load) => Math.round(load * 10) / 10),
    [22.2, 22.2, 0],
  );
});

/** Takes a little at a time, as a ring whose store is slow. */
class TightIntake extends RecordedIntake {
  refused = 0;
  override room = 300;

  override push(channel: number, time: number, value: number): boolean {
    const taken = super.push(channel, time, value);
    if (!taken) this.refused += 1;
    return taken;
  }

  override publish(): number {
    const drained = 1 + Math.floor(this.published % 200);
    setImmediate(() => {
      this.room = Math.min(300, this.room + drained);
    });
    return super.publish();
  }
}

t.test('a replay at full speed loses nothing to a store that is slower', async (t) => {
  const intake = new TightIntake();
  const lines = Array.from(
    { length: 3000 },
    (_, n) => `can0 100#${(n & 0xff).toString(16).padStart(2, '0')}00000000000000`,
  );
  const { health } = await play(t, lines, {}, intake);
  t.equal(intake.refused, 0);
  t.match(health, { received: 3000, dropped: 0 });
  t.same(
    intake.values('car7/Engine/Speed'),
    lines.map((_, n) => (n & 0xff) * 0.25),
  );
});

t.test('a replay that waits for room can be stopped', async (t) => {
  const intake = new RecordedIntake();
  intake.room = 10;
  const folder = await folderWith(t, { 'car.dbc': DBC, log: logOf(Array.from({ length: 50 }, () => `can0 ${FRAME}`)) });
  const collector = createCanCollector(
    { bus: { log: join(folder, 'log'), speed: 'max' }, dbc: [join(folder, 'car.dbc')] },
    { source: 'car7', intake, clock: new SetClock() },
  );
  await collector.start();
  await waitFor('it waits', () => intake.published > 3);
  await collector.stop();
  t.match(collector.health(), { state: 'stopped', dropped: 0 });
});

/** Time that a test lets pass. */
class TestTimers implements Timers {
  readonly due: (() => void)[] = [];

  now(): number {
    return 0;
  }

  after(_delayMs: number, action: () => void): () => void {
    this.due.push(action);
    return () => void this.due.splice(this.due.indexOf(action), 1);
  }

  fire(): void {
    for (const action of this.due.splice(0)) action();
  }
}

/** A collector of a live bus whose adapter the test holds. */
async function live(t: Test) {
  const wire = new MemoryWire();
  const port = wire.port({ timers: new TestTimers() });
  const adapter = new SlcanAdapter((bytes) => void wire.send(bytes));
  const timers = new TestTimers();
  const folder = await folderWith(t, { 'car.dbc': DBC });
  const settings = canSettings({ bus: { slcan: 'wire', bitrate: 500_000 }, dbc: [join(folder, 'car.dbc')] });
  const intake = new RecordedIntake();
  const clock = new SetClock();
  const openBus = () => new SlcanBus(port, { bitrate: 500_000 }, AT_ONCE);
  const collector = new CanCollector(settings, { source: 'car7', intake, clock }, openBus, timers);
  t.teardown(() => collector.stop());
  const connect = (): void => {
    for (const bytes of wire.takeWritten()) adapter.receive(bytes);
  };
  return { wire, adapter, timers, intake, clock, collector, connect };
}

function engineFrames(count: number, flags = 0): FrameBatch {
  const batch = new FrameBatch(count);
  for (let n = 0; n < count; n++) batch.add(0x100, flags, Uint8Array.of(n, 0), 0, 2);
  return batch;
}

t.test('frames that were read at once are stamped one after another', async (t) => {
  const { adapter, intake, clock, collector, connect } = await live(t);
  await collector.start();
  await waitFor('the bus is open', () => collector.health().state === 'starting');
  connect();
  adapter.pass(engineFrames(3), 0, 3);
  clock.time += 200;
  adapter.pass(engineFrames(3), 0, 3);
  // 47 bits and two bytes at 500 kbit/s are 126 us; the second read cannot reach back behind the first.
  const times = intake.samples('car7/Engine/Speed').map(({ time }) => time - 1_000_000_000);
  t.same(times, [-252, -126, 0, 0, 74, 200]);
});

t.test('a live bus is metered every second, and not while it has no port', async (t) => {
  const { wire, adapter, timers, intake, clock, collector, connect } = await live(t);
  await collector.start();
  await waitFor('the bus is open', () => timers.due.length === 1);
  connect();
  adapter.pass(engineFrames(100), 0, 100);
  adapter.pass(engineFrames(2, FRAME_ERROR), 0, 2);
  clock.time += 1_000_000;
  timers.fire();
  clock.time += 2_000_000;
  timers.fire();
  t.same(intake.values('car7/bus/frame_rate'), [100, 0]);
  t.same(intake.values('car7/bus/error_rate'), [2, 0]);
  t.same(
    intake.values('car7/bus/load').map((load) => Number(load.toFixed(6))),
    [1.26, 0],
  );
  wire.unplug();
  t.match(collector.health(), { state: 'waiting', problem: 'wire: the wire was unplugged' });
  t.equal(timers.due.length, 0, 'nothing is metered');
});

t.test('a live bus whose samples find no room counts the frame as dropped', async (t) => {
  const { adapter, timers, intake, collector, connect } = await live(t);
  await collector.start();
  await waitFor('the bus is open', () => timers.due.length === 1);
  connect();
  intake.room = 2;
  adapter.pass(engineFrames(5), 0, 5);
  t.match(collector.health(), { received: 5, samples: 2, dropped: 3 });
});

t.test('frames go from an adapter on a serial port to samples', async (t) => {
  const pty = await openPty();
  t.teardown(() => pty.close());
  const adapter = new SlcanAdapter((bytes) => pty.write(bytes));
  pty.onData((bytes) => adapter.receive(bytes));
  const folder = await folderWith(t, { 'car.dbc': DBC });
  const intake = new RecordedIntake();
  const collector: Collector = createCanCollector(
    { bus: { slcan: pty.path, bitrate: 1_000_000 }, dbc: [join(folder, 'car.dbc')] },
    { source: 'car7', intake, clock: new SetClock() },
  );
  await collector.start();
  t.teardown(() => collector.stop());
  await waitFor('the adapter is opened', () => adapter.isOpen);
  adapter.pass(engineFrames(200), 0, 200);
  adapter.pass(engineFrames(1, FRAME_REMOTE), 0, 1);
  adapter.pass(engineFrames(1, FRAME_EXTENDED), 0, 1);
  await waitFor('the last frame', () => intake.values('car7/Engine_100/Speed').length === 1);
  t.same(
    intake.values('car7/Engine/Speed'),
    Array.from({ length: 200 }, (_, n) => n * 0.25),
  );
  t.match(collector.health(), { state: 'running', received: 202, errors: { 'remote-frame': 1 } });
});

t.test(
  'of a live bus so many frames that nothing decodes are kept in a second, and the commonest is named',
  async (t) => {
    const { adapter, timers, intake, clock, collector, connect } = await live(t);
    await collector.start();
    await waitFor('the bus is open', () => timers.due.length === 1);
    connect();
    const strange = new FrameBatch(256);
    for (let n = 0; n < 256; n++) strange.add(n % 4 === 0 ? 0x301 : 0x302, 0, Uint8Array.of(n), 0, 1);
    const pass = (times: number) => {
      for (let n = 0; n < times; n++) adapter.pass(strange, 0, 256);
    };
    // Ten times 256 frames take less than a second on the wire.
    clock.time += 1_000_000;
    pass(10);
    t.equal(intake.texts('car7/undefined').length, UNDEFINED_FRAMES_PER_SECOND_MAX);
    const errors = { 'no-definition': 1000, 'no-definition-not-kept': 1560 };
    t.match(collector.health(), { received: 2560, samples: 1000, dropped: 0, errors });
    t.match(collector.health().errorPlaces, { 'no-definition': 'can0 302, 1920 frames; and 1 more identifier' });
    clock.time += 5_000_000;
    pass(1);
    t.equal(intake.texts('car7/undefined').length, 1256, 'a second later there is room again');
    await collector.stop();
    t.match(collector.health().errorPlaces, { 'no-definition': /^can0 302/ }, 'also when it is stopped');
  },
);

t.test('what no retry can mend ends the start', async (t) => {
  const folder = await folderWith(t, { 'broken.dbc': 'BO_ 1 M: 8 A\n SG_ a : 0|8@1+ (1,0 [0|0] "" B' });
  const log = { log: join(folder, 'log') };
  const slcan = { slcan: '/dev/null', bitrate: 500_000 };
  const cases: [CanConfig, { code: string; message: RegExp }][] = [
    [
      { bus: log, dbc: [join(folder, 'broken.dbc')] },
      { code: 'dbc-invalid', message: /broken\.dbc:2: expected '\)'/ },
    ],
    [
      { bus: log, dbc: [join(folder, 'missing.dbc')] },
      { code: 'dbc-invalid', message: /missing\.dbc: cannot be read/ },
    ],
    [
      { bus: slcan, timestamp: 'device' },
      { code: 'config-invalid', message: /timestamp is device/ },
    ],
    [
      { bus: slcan, interfaces: { can0: {} } },
      { code: 'config-invalid', message: /interfaces are of recordings/ },
    ],
    [
      { bus: log, interfaces: { can0: {}, can1: { name: 'can0' } } },
      { code: 'config-invalid', message: /two interfaces are named can0/ },
    ],
  ];
  for (const [config, refusal] of cases) {
    const collector = createCanCollector(config, {
      source: 'car7',
      intake: new RecordedIntake(),
      clock: new SetClock(),
    });
    await t.rejects(collector.start(), refusal);
    await collector.stop();
  }
});

t.test('a log that is not there yet is waited for', async (t) => {
  const folder = await folderWith(t, {});
  const collector = createCanCollector(
    { bus: { log: join(folder, 'none.log') } },
    { source: 'car7', intake: new RecordedIntake(), clock: new SetClock() },
  );
  await collector.start();
  await waitFor('it waits', () => collector.health().state === 'waiting');
  t.match(collector.health().problem, /none\.log: ENOENT/);
  await collector.stop();
  t.equal(collector.health().state, 'stopped');
});

t.test('where a recording has the first bad line of a reason is told, also when it has ended', async (t) => {
  const { health, collector } = await play(t, [`can0 ${FRAME}`, 'can0 1#2', `can0 ${FRAME}`, 'can0 1#2']);
  t.same(health.errors, { 'bad-id': 2 });
  t.same(health.errorPlaces, { 'bad-id': 'log, line 2' });
  await collector.stop();
  t.same(collector.health().errorPlaces, { 'bad-id': 'log, line 2' });
});

t.test('a recording without times has arrival times only', async (t) => {
  const folder = await folderWith(t, { 'car.dbc': DBC, log: '  can0  100   [8]  10 27 03 81 5A 00 00 C0\n'.repeat(3) });
  for (const [timestamp, samples] of [
    ['arrival', 3],
    ['device', 0],
  ] as const) {
    const intake = new RecordedIntake();
    const bus = { log: join(folder, 'log'), speed: 'max' } as const;
    const context = { source: 'car7', intake, clock: new SetClock() };
    const collector = createCanCollector({ bus, dbc: [join(folder, 'car.dbc')], timestamp }, context);
    await collector.start();
    await waitFor('the end of the log', () => collector.health().state === 'stopped');
    await collector.stop();
    t.same(intake.values('car7/Engine/Speed').length, samples, timestamp);
    t.same(collector.health().errors, samples === 0 ? { 'no-time': 3 } : {});
  }
});

t.test('a recorder whose clock was ahead of UTC is set right', async (t) => {
  const asc = 'date Sun Sep 13 14:26:40 2020\n0.5 1 100 Rx d 8 10 27 03 81 5A 00 00 C0\n';
  const folder = await folderWith(t, { 'car.dbc': DBC, 'drive.asc': asc });
  const intake = new RecordedIntake();
  const bus = { log: join(folder, 'drive.asc'), speed: 'max', utcOffset: '+02:00' } as const;
  const context = { source: 'car7', intake, clock: new SetClock() };
  const collector = createCanCollector({ bus, dbc: [join(folder, 'car.dbc')], timestamp: 'device' }, context);
  await collector.start();
  await waitFor('the end of the log', () => collector.health().state === 'stopped');
  await collector.stop();
  t.equal(intake.samples('car7/Engine/Speed')[0]?.time, 1_600_000_000_500_000);
});
