import t, { type Test } from 'tap';
import { CanCollector } from '../../../collectors/can/can-collector.ts';
import { type CanConfig, canSettings, checkSettings } from '../../../collectors/can/can-config.ts';
import { FRAME_EXTENDED, FrameBatch } from '../../../hardware/can/can-frame.ts';
import { SlcanAdapter } from '../../../hardware/can/slcan-adapter.ts';
import { SlcanBus } from '../../../hardware/can/slcan-bus.ts';
import { MemoryWire } from '../../../hardware/serial/memory-port.ts';
import { AT_ONCE } from '../../hardware/can/at-once.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';
import { SteppedTimers } from './stepped-timers.ts';

const VIN_FRAMES = ['1014490201574444', '2131323334353631', '2241363534333231'];

/** What the car answers to a request, by service and PID in hex; to the flow control, the rest of its VIN. */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  '010C': ['04410C1AF8000000'],
  '010D': ['03410D5000000000'],
  '0902': VIN_FRAMES.slice(0, 1),
};

interface Asked {
  readonly ids: number[];
  /** First three bytes, in hex. */
  readonly requests: string[];
}

async function poll(t: Test, obd: Exclude<CanConfig['obd'], boolean | undefined>, isExtended = false) {
  const wire = new MemoryWire();
  const adapter = new SlcanAdapter((bytes) => void wire.send(bytes));
  const timers = new SteppedTimers();
  const settings = canSettings({ bus: { slcan: 'wire', bitrate: 500_000 }, obd });
  checkSettings(settings, 'car');
  const intake = new RecordedIntake();
  const openBus = () => new SlcanBus(wire.port(), { bitrate: 500_000 }, AT_ONCE);
  const collector = new CanCollector(settings, { source: 'car', intake, clock: new SetClock() }, openBus, timers);
  t.teardown(() => collector.stop());
  await collector.start();
  const asked: Asked = { ids: [], requests: [] };
  const reply = new FrameBatch(1);
  const answer = (data: string) => {
    reply.clear();
    reply.add(isExtended ? 0x18daf110 : 0x7e8, isExtended ? FRAME_EXTENDED : 0, Buffer.from(data, 'hex'), 0, 8);
    adapter.pass(reply, 0, 1);
  };
  /** Lets the car answer what was asked since the last call. */
  const drive = () => {
    for (let bytes = wire.takeWritten(); bytes.length > 0; bytes = wire.takeWritten()) {
      for (const each of bytes) adapter.receive(each);
      const sent = adapter.takeSent();
      for (let i = 0; i < sent.count; i++) {
        const data = Buffer.from(sent.data.subarray(i * 64, i * 64 + (sent.lengths[i] ?? 0)))
          .toString('hex')
          .toUpperCase();
        t.equal(data.length, 16, 'eight bytes');
        asked.ids.push(sent.ids[i] ?? 0);
        asked.requests.push(data.slice(0, 6));
        const answers = data.startsWith('300000') ? VIN_FRAMES.slice(1) : (ANSWERS[data.slice(2, 6)] ?? []);
        for (const each of answers) answer(each);
      }
    }
  };
  await waitFor('the adapter is told to open', () => {
    drive();
    return adapter.isOpen;
  });
  return { wire, adapter, timers, intake, collector, asked, drive };
}

const POLLED = { poll: ['engine_speed', 'vehicle_speed', 'oil_temperature'], intervalMs: 100, troubleCodesSeconds: 0 };

t.test('a car is asked for its VIN, and for quantities one after the other, and its answers are samples', async (t) => {
  const { timers, intake, collector, asked, drive } = await poll(t, POLLED);
  for (let step = 0; step < 8; step++) {
    timers.pass(100);
    drive();
  }
  t.same(asked.requests, ['020100', '020902', '300000', '02010C', '02010D', '02015C', '020100', '02010C', '02010D']);
  t.same(asked.ids, [0x7df, 0x7df, 0x7e0, 0x7df, 0x7df, 0x7df, 0x7df, 0x7df, 0x7df]);
  t.same(
    intake.texts('car/obd/7e8/vin').map(({ text }) => text),
    ['WDD1234561A654321'],
  );
  t.same(intake.values('car/obd/7e8/engine_speed'), [1726, 1726]);
  t.same(intake.values('car/obd/7e8/vehicle_speed'), [80, 80]);
  // Closing what is not open yet is refused.
  t.same(collector.health().errors, { refused: 1 });
});

t.test('a car with identifiers of 29 bits is asked with them', async (t) => {
  const { timers, intake, asked, drive } = await poll(t, { ...POLLED, identifiers: 29 }, true);
  for (let step = 0; step < 4; step++) {
    timers.pass(100);
    drive();
  }
  t.same(asked.ids, [0x18db33f1, 0x18db33f1, 0x18da10f1, 0x18db33f1, 0x18db33f1]);
  t.same(intake.values('car/obd/10/engine_speed'), [1726]);
});

t.test('what nobody answers is asked for only now and then', async (t) => {
  const { timers, asked, drive } = await poll(t, POLLED);
  for (let step = 0; step < 300; step++) {
    timers.pass(100);
    drive();
  }
  const count = (request: string) => asked.requests.filter((each) => each === request).length;
  t.ok(count('02015C') >= 4 && count('02015C') < 10, `${count('02015C')} times`);
  t.ok(count('02010C') > 140, 'the others take its turns');
  t.equal(count('020902'), 1);
});

t.test('nothing is sent more often than the interval says, nor without a port, nor after a stop', async (t) => {
  const { wire, timers, asked, collector, drive } = await poll(t, { ...POLLED, intervalMs: 1000 });
  for (let step = 0; step < 30; step++) {
    timers.pass(100);
    drive();
  }
  t.equal(asked.requests.filter((each) => each !== '300000').length, 3);
  wire.unplug();
  timers.pass(5000);
  t.equal(wire.takeWritten().length, 0);
  await collector.stop();
  timers.pass(5000);
  t.equal(wire.takeWritten().length, 0);
});

t.test('what cannot be asked is refused', async (t) => {
  const refusals: [CanConfig, RegExp][] = [
    [{ bus: { log: 'x' }, obd: POLLED }, /source car: obd asks a car, but a recording cannot be asked/],
    [{ bus: { slcan: 'x', bitrate: 500_000, listenOnly: true }, obd: POLLED }, /with listenOnly nothing is sent/],
    [
      { bus: { slcan: 'x', bitrate: 500_000 }, obd: { poll: ['engine_sped'] } },
      /obd.poll has engine_sped, which is no quantity of OBD-II/,
    ],
  ];
  for (const [config, message] of refusals) {
    t.throws(() => checkSettings(canSettings(config), 'car'), { code: 'config-invalid', message });
  }
  t.doesNotThrow(() => checkSettings(canSettings({ bus: { log: 'x' }, obd: true }), 'car'));
});
