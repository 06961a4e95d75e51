import fc from 'fast-check';
import t from 'tap';
import { ObdPoller } from '../../../collectors/can/obd/obd-poller.ts';
import { ObdReplies } from '../../../collectors/can/obd/obd-replies.ts';
import { codeName } from '../../../collectors/can/obd/obd-services.ts';
import { CollectorCounters } from '../../../collectors/collector.ts';
import { RecordedIntake } from '../serial/recorded-intake.ts';
import { playFrames } from './play-recording.ts';
import { type Answers, SimulatedEcu } from './simulated-ecu.ts';
import { SteppedTimers } from './stepped-timers.ts';

const INTERVAL_MS = 100;

interface Sent {
  readonly time: number;
  readonly id: number;
  /** Hex, without length and padding; of flow control its first byte. */
  readonly request: string;
}

/** A car of some units that is asked for `pids`. */
class Car {
  readonly intake = new RecordedIntake();
  readonly counters = new CollectorCounters();
  readonly timers = new SteppedTimers();
  readonly sent: Sent[] = [];
  readonly units: SimulatedEcu[];
  readonly #poller: ObdPoller;
  readonly #replies: ObdReplies;
  /** Frames on the bus that were not taken yet. */
  #bus: { readonly id: number; readonly data: Uint8Array }[] = [];

  constructor(pids: readonly number[], codesEveryMs: number, units: readonly Answers[]) {
    const settings = { pids, intervalMs: INTERVAL_MS, codesEveryMs, extended: false };
    this.#poller = new ObdPoller(settings, (id, _, data) => this.#request(id, data), this.timers);
    this.#replies = new ObdReplies('car', 'car', 'arrival', this.intake, this.counters, this.#poller);
    this.units = units.map(
      (answers, n) => new SimulatedEcu(0x7e0 + n, answers, (id, data) => this.#bus.push({ id, data })),
    );
    this.#poller.start();
  }

  /** Lets time pass in steps, after each of which `framesAStep` frames of the bus arrive. */
  drive(steps: number, framesAStep = Number.POSITIVE_INFINITY, stepMs = INTERVAL_MS): void {
    for (let step = 0; step < steps; step += 1) {
      this.timers.pass(stepMs);
      for (let n = 0; n < framesAStep && this.#bus.length > 0; n += 1) {
        const frame = this.#bus.shift();
        if (frame !== undefined) this.#replies.take(frame.id, false, frame.data, this.timers.now() * 1000);
      }
    }
  }

  /** Puts a frame on the bus. */
  put(id: number, hex: string): void {
    this.#bus.push({ id, data: Buffer.from(hex.padEnd(16, '0'), 'hex') });
  }

  requests(): string[] {
    return this.sent.filter(({ id }) => id === 0x7df).map(({ request }) => request);
  }

  count(request: string): number {
    return this.requests().filter((each) => each === request).length;
  }

  texts(name: string): string[] {
    return this.intake.texts(`car/obd/${name}`).map(({ text }) => text);
  }

  #request(id: number, data: Uint8Array): boolean {
    const head = data[0] ?? 0;
    const hex = Buffer.from(head < 8 ? data.subarray(1, 1 + head) : data.subarray(0, 1)).toString('hex');
    this.sent.push({ time: this.timers.now(), id, request: hex.toUpperCase() });
    for (const unit of this.units) unit.receive(id, data);
    return true;
  }
}

/** Bits of the PIDs behind `base` that are there, as four bytes in hex. */
function supported(base: number, pids: readonly number[]): string {
  const bits = pids.reduce((sum, pid) => sum + 2 ** (32 - (pid - base)), 0);
  return bits.toString(16).padStart(8, '0').toUpperCase();
}

const ENGINE: Answers = {
  '0100': [`4100${supported(0, [0x04, 0x05, 0x0c, 0x20])}`],
  '0120': [`4120${supported(0x20, [0x2f])}`],
  '0104': ['410480'],
  '010C': ['410C1AF8'],
  '012F': ['412FFF'],
  '0902': [`490201${Buffer.from('WDD1234561A654321').toString('hex')}`],
  '03': ['4304030104204123C456'],
  '07': ['4700'],
  '0A': ['4A010301'],
  '020200': ['4202000301'],
  '020C00': ['420C000FA0'],
  '020400': ['420400FF'],
};
const GEARBOX: Answers = {
  '0100': [`4100${supported(0, [0x0d])}`],
  '010D': ['410D50'],
  '03': ['4300'],
  '07': ['4701D123'],
  '020200': ['4202000000'],
};

t.test('codes are written as everybody writes them', async (t) => {
  const cases: [number, string][] = [
    [0x0301, 'P0301'],
    [0x0420, 'P0420'],
    [0x4123, 'C0123'],
    [0xc456, 'U0456'],
    [0x9a0b, 'B1A0B'],
    [0x3fff, 'P3FFF'],
  ];
  for (const [code, name] of cases) t.equal(codeName(code), name);
});

t.test('units of a car answer for themselves, and what none has is not asked for', async (t) => {
  const car = new Car([0x0c, 0x0d, 0x05, 0x5c, 0x2f, 0x11], Number.POSITIVE_INFINITY, [ENGINE, GEARBOX]);
  car.drive(100);
  t.same(car.intake.values('car/obd/7e8/engine_speed').slice(0, 2), [1726, 1726]);
  t.same(car.intake.values('car/obd/7e9/vehicle_speed').slice(0, 1), [80]);
  t.same(car.intake.values('car/obd/7e8/fuel_level').slice(0, 1), [100], 'told of by the second list');
  t.same(car.texts('7e8/vin'), ['WDD1234561A654321']);
  t.ok(car.count('0111') <= 1, 'no unit has it, as soon as that is known');
  t.ok(car.count('015C') > 1, 'of this nobody says, because the third list is not there');
  t.ok(car.count('0105') >= 1 && car.count('0105') < 10, 'the unit says it has it, and does not answer');
  t.equal(car.count('0100'), 1);
  t.equal(car.count('0120'), 1);
  t.same(car.counters.errors, {});
});

t.test('trouble codes and the frozen frame are asked for every so often', async (t) => {
  const car = new Car([0x0c, 0x04], 5000, [ENGINE, GEARBOX]);
  car.drive(200);
  t.same(car.texts('7e8/trouble/confirmed/codes'), ['P0301, P0420, C0123, U0456']);
  t.same(car.texts('7e9/trouble/confirmed/codes'), ['']);
  t.same(car.texts('7e8/trouble/pending/codes'), ['']);
  t.same(car.texts('7e9/trouble/pending/codes'), ['U1123']);
  t.same(car.texts('7e8/trouble/permanent/codes'), ['P0301']);
  t.same(car.intake.values('car/obd/7e8/trouble/confirmed/count'), [4, 4, 4, 4], 'once in five seconds');
  t.same(car.intake.values('car/obd/7e9/trouble/confirmed/count'), [0, 0, 0, 0]);
  t.same(car.texts('7e8/freeze_frame/code'), ['P0301']);
  t.same(car.texts('7e9/freeze_frame/code'), ['']);
  t.same(car.intake.values('car/obd/7e8/freeze_frame/engine_speed'), [1000], 'the frame of a code is asked for once');
  t.same(car.intake.values('car/obd/7e8/freeze_frame/engine_load'), [100]);
  t.same(car.counters.errors, {});
});

t.test('the frame is asked for again when another code has one', async (t) => {
  const answers: Record<string, string[]> = { ...ENGINE } as Record<string, string[]>;
  const car = new Car([0x0c], 1000, [answers]);
  car.drive(50);
  answers['020200'] = ['4202000420'];
  answers['020C00'] = ['420C001F40'];
  car.drive(50);
  t.same(car.texts('7e8/freeze_frame/code'), ['P0301', 'P0420']);
  t.same(car.intake.values('car/obd/7e8/freeze_frame/engine_speed'), [1000, 2000]);
});

t.test('no more than one request an interval, and none while a unit is answering', async (t) => {
  const car = new Car([0x0c, 0x04], 1000, [ENGINE, GEARBOX]);
  // A frame each 40 ms: a long answer takes longer than an interval.
  car.drive(1500, 1, 40);
  t.same(
    car.units.map(({ interrupted }) => interrupted),
    [0, 0],
  );
  const times = car.sent.filter(({ id }) => id === 0x7df).map(({ time }) => time);
  t.equal(new Set(times).size, times.length);
  t.same(car.texts('7e8/vin'), ['WDD1234561A654321']);
  t.same(car.texts('7e8/trouble/confirmed/codes'), ['P0301, P0420, C0123, U0456']);
  t.same(car.counters.errors, {});
});

t.test('a unit that needs longer is waited for, and one that refuses is counted', async (t) => {
  const car = new Car([0x0c], Number.POSITIVE_INFINITY, [{ '0902': ['7F0911'], '010C': ['7F0178'] }]);
  car.drive(3);
  const before = car.requests().length;
  car.drive(40);
  t.equal(car.requests().length, before, 'it has five seconds');
  car.put(0x7e8, '04410C1AF8');
  car.drive(2);
  t.ok(car.requests().length > before);
  t.same(car.intake.values('car/obd/7e8/engine_speed'), [1726]);
  t.ok((car.counters.errors['obd-refused'] ?? 0) > 0);
});

t.test('a unit that does not go on holds others up for a second', async (t) => {
  const car = new Car([0x0c], Number.POSITIVE_INFINITY, [
    { '0100': [`4100${supported(0, [0x0c])}`], '010C': ['410C1AF8'] },
  ]);
  car.drive(2);
  car.put(0x7e9, '1014490201574444');
  car.drive(2);
  const before = car.requests().length;
  car.drive(8);
  t.equal(car.requests().length, before);
  car.drive(5);
  t.ok(car.requests().length > before);
});

t.test('answers to another tester are decoded; those that lack bytes are counted', async (t) => {
  const frames = [
    '7E8#0443010301',
    '7E8#0447010420',
    '7EA#054202000301',
    '7E8#03430203',
    '7E8#0342020003',
    '7E8#064202000C0FA0',
  ];
  const { intake, health } = await playFrames(t, frames, { obd: true });
  t.same(
    intake.texts('car/obd/7e8/trouble/confirmed/codes').map(({ text }) => text),
    ['P0301'],
  );
  t.same(intake.values('car/obd/7e8/trouble/pending/count'), [1]);
  t.same(
    intake.texts('car/obd/7ea/freeze_frame/code').map(({ text }) => text),
    ['P0301'],
  );
  t.same(health.errors, { 'obd-too-short': 2 });
});

t.test('any answers give samples or are counted, and requests keep their distance', async () => {
  const frame = fc.record({
    id: fc.integer({ min: 0x7e8, max: 0x7ef }),
    data: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 100 }), (frames) => {
      const car = new Car([0x0c, 0x0d], 300, []);
      for (const { id, data } of frames) {
        car.put(id, Buffer.from(data).toString('hex'));
        car.drive(1);
      }
      const times = car.sent.filter(({ id }) => id === 0x7df).map(({ time }) => time);
      return times.every((time, n) => n === 0 || time - (times[n - 1] ?? 0) >= INTERVAL_MS);
    }),
    { numRuns: 200 },
  );
});
