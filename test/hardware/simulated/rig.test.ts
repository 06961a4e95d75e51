import { Buffer } from 'node:buffer';
import { createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import t from 'tap';
import type { CanBus } from '../../../hardware/can/can-bus.ts';
import { openSlcanBus } from '../../../hardware/can/slcan-bus.ts';
import { openSerialPort } from '../../../hardware/serial/serial-port.ts';
import { systemTimers, type Timers } from '../../../hardware/serial/timers.ts';
import { CAN_BITRATE, CAN_BUSES, type CanBusName } from '../../../hardware/simulated/dbc.ts';
import { GNSS_BAUD_RATE } from '../../../hardware/simulated/gnss.ts';
import { type Rig, type RigOptions, startRig } from '../../../hardware/simulated/rig.ts';
import { freePort } from '../../free-port.ts';
import { waitFor } from '../../wait-for.ts';
import { recordCar } from './recorded-car.ts';
import { decodeSignal, parseDbc } from './reference-dbc.ts';

const REFUSED = new RegExp(`^${String.fromCharCode(7)}$`);

/** The part of tap's `t` that the helpers use. */
interface Teardown {
  teardown(action: () => unknown): void;
}

/** Most time that passes between two looks at the clock, milliseconds. */
const LOOK_MS_MAX = 30;

/**
 * The passing of time but for what this process does not run: a rig would catch up with it in a hurry, or jump over it, as another
 * test shows, and here the hosts are in the same process and cannot keep up.
 */
class UnbrokenTimers implements Timers {
  #time = systemTimers.now();
  #seen = this.#time;

  now(): number {
    return this.#time;
  }

  after(delayMs: number, action: () => void): () => void {
    return systemTimers.after(delayMs, () => {
      const now = systemTimers.now();
      this.#time += Math.min(LOOK_MS_MAX, now - this.#seen);
      this.#seen = now;
      action();
    });
  }
}

async function rigFor(t: Teardown, options: RigOptions = {}): Promise<Rig> {
  const rig = await startRig({ faults: false, timers: new UnbrokenTimers(), ...options });
  t.teardown(() => rig.stop());
  return rig;
}

/** A host at an adapter: takes what comes as `id data`. */
function listen(t: Teardown, path: string): { bus: CanBus; heard: string[] } {
  const heard: string[] = [];
  const bus = openSlcanBus({ path, bitrate: CAN_BITRATE });
  bus.start({
    onFrames(batch, from, to) {
      for (let i = from; i < to; i++) {
        const data = Buffer.from(batch.data.subarray(i * 64, i * 64 + (batch.lengths[i] ?? 0)));
        heard.push(`${batch.ids[i]} ${data.toString('hex')}`);
      }
      return undefined;
    },
    onState() {},
  });
  t.teardown(() => bus.stop());
  return { bus, heard };
}

/** The first frames that are heard, by which their place is found: one alone may be there twice. */
const BEGINNING = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Frames of the same car out of its pure half, up to the rig's time. */
function framesOf(seed: number, number: number, seconds: number, bus: CanBusName): string[] {
  const { car, frames } = recordCar({ seed, number, faults: false });
  car.advance(seconds);
  return frames
    .filter((frame) => frame.bus === bus)
    .map(({ id, data }) => `${id} ${Buffer.from(data).toString('hex')}`);
}

t.test('a host that opens the adapters hears the frames the car sends, all and in order', async (t) => {
  const rig = await rigFor(t, { seed: 42 });
  const [car] = rig.cars;
  if (car === undefined) throw new Error('no car');
  const hosts = { powertrain: listen(t, car.ports.powertrain), chassis: listen(t, car.ports.chassis) };
  for (const bus of CAN_BUSES) await waitFor(`frames on ${bus}`, () => hosts[bus].heard.length > 1000);
  for (const bus of CAN_BUSES) {
    const { heard } = hosts[bus];
    const sent = framesOf(42, 1, rig.time, bus);
    const first = sent.findIndex((_, place) => BEGINNING.every((n) => sent[place + n] === heard[n]));
    t.ok(first >= 0, `${bus}: begins with one of the car's frames`);
    t.same(heard, sent.slice(first, first + heard.length), `${bus}: ${heard.length} frames`);
  }
  const wheel = [...parseDbc(rig.dbc.chassis).values()].find(({ name }) => name === 'WheelSpeed');
  const frame = hosts.chassis.heard.find((line) => line.startsWith(`${wheel?.id} `));
  const signal = wheel?.signals[0];
  if (signal === undefined || frame === undefined) throw new Error('no wheel speed');
  const speed = decodeSignal(signal, Buffer.from(frame.split(' ')[1] ?? '', 'hex'));
  t.ok(speed > 100 && speed < 260, `rolling at ${speed} km/h`);
});

t.test('an adapter is silent until it is opened, and answers as adapters do', async (t) => {
  const rig = await rigFor(t);
  const [car] = rig.cars;
  if (car === undefined) throw new Error('no car');
  await waitFor('frames nobody hears', () => car.unheard.chassis > 200);
  const port = openSerialPort({ path: car.ports.chassis, baudRate: 115_200 });
  t.teardown(() => port.close());
  let heard = '';
  let open = false;
  void port.open(
    (bytes) => {
      heard += Buffer.from(bytes).toString('latin1');
    },
    (state) => {
      open = state.kind === 'open';
    },
  );
  await waitFor('the port', () => open);
  const ask = async (command: string, answer: RegExp): Promise<void> => {
    heard = '';
    port.write(Buffer.from(`${command}\r`, 'latin1'));
    await waitFor(`${command} is answered ${answer}`, () => answer.test(heard));
  };
  await ask('V', /^V\d{4}\r$/);
  await ask('O', REFUSED);
  await ask('S8', /^\r$/);
  await ask('O', /^\r(t[0-9A-F]{4,20}\r)+/);
  await ask('C', /\r$/);
  const after = car.unheard.chassis;
  await waitFor('silence again', () => car.unheard.chassis > after + 100);
});

t.test('the wires outlive a host that vanishes without a word, and the next gets nothing stale', async (t) => {
  const rig = await rigFor(t, { seed: 7 });
  const [car] = rig.cars;
  if (car === undefined) throw new Error('no car');
  // A host that opens the channel and closes only the port, as a process that is killed.
  const port = openSerialPort({ path: car.ports.powertrain, baudRate: 115_200 });
  let bytes = 0;
  void port.open(
    (piece) => {
      bytes += piece.length;
    },
    () => {},
  );
  await waitFor('the port', () => port.state.kind === 'open');
  port.write(Buffer.from('S8\rO\r', 'latin1'));
  await waitFor('frames', () => bytes > 2000);
  await port.close();
  const atClose = car.unheard.powertrain;
  await waitFor('the kernel and the adapter are full', () => car.unheard.powertrain > atClose + 20);

  const reopenedAt = rig.time;
  const { heard } = listen(t, car.ports.powertrain);
  await waitFor('frames again', () => heard.length > 1500);
  const sent = framesOf(7, 1, rig.time, 'powertrain');
  const before = framesOf(7, 1, reopenedAt - 0.05, 'powertrain').length;
  const stale = heard.filter((line) => {
    const place = sent.indexOf(line);
    return place >= 0 && place < before;
  });
  // Opening a port flushes what the kernel holds; a piece that was on its way may still come.

  t.ok(stale.length < 100, `${stale.length} frames of ${heard.length} are old`);
  const last = sent.lastIndexOf(heard.at(-1) ?? '');
  t.same(heard.slice(-1000), sent.slice(last - 999, last + 1), 'and the flow is whole again');
});

const DAY_MS = 86_400_000;

/** Milliseconds from one time of day to another, also over midnight; negative where the other is earlier. */
function between(from: number, to: number): number {
  return ((((to - from) % DAY_MS) + 1.5 * DAY_MS) % DAY_MS) - DAY_MS / 2;
}

t.test('the receiver speaks whole sentences in real time, whether or not anyone listened before', async (t) => {
  const rig = await rigFor(t);
  const [car] = rig.cars;
  if (car === undefined) throw new Error('no car');
  await waitFor('sentences nobody reads', () => car.unheard.gnss > 3);
  const port = openSerialPort({ path: car.ports.gnss, baudRate: GNSS_BAUD_RATE });
  t.teardown(() => port.close());
  let text = '';
  void port.open(
    (bytes) => {
      text += Buffer.from(bytes).toString('latin1');
    },
    () => {},
  );
  const opened = rig.utcMs(rig.time);
  const times = () =>
    [...text.matchAll(/\$GNRMC,(\d\d)(\d\d)([\d.]{5}),A/g)].map(([, h, m, s]) => {
      return (Number(h) * 3600 + Number(m) * 60 + Number(s)) * 1000;
    });
  await waitFor('fixes', () => times().length > 100);
  const fixes = times();
  const latest = fixes.at(-1) ?? 0;
  t.ok(Math.abs(between(latest, rig.utcMs(rig.time))) < 400, 'the newest fix is of now');
  const late = fixes.filter((fix) => between(opened, fix) > 200);
  const steps = late.slice(1).map((fix, i) => Math.round(between(late[i] ?? 0, fix)));
  t.same(new Set(steps), new Set([40]), 'a fix every 40 ms');
});

t.test('every car has wires, a name and a drive of its own', async (t) => {
  const rig = await rigFor(t, { cars: 3 });
  t.same(
    rig.cars.map(({ name }) => name),
    ['car1', 'car2', 'car3'],
  );
  t.equal(new Set(rig.cars.flatMap(({ ports }) => Object.values(ports))).size, 9);
  await waitFor('a second', () => rig.time > 0.5);
  const speeds = rig.cars.map(({ truth }) => truth.valueAt('gnss/speed', rig.time));
  t.equal(new Set(speeds).size, 3);
});

t.test('cars publish to a broker, and again when it comes back', async (t) => {
  const rig = await rigFor(t, { cars: 2 });
  const topics = new Map<string, number>();
  const port = await freePort();
  const first = await startBroker(topics, port);
  await rig.connectMqtt(`mqtt://127.0.0.1:${port}`);
  const expected = ['car1', 'car2'].flatMap((name) => [
    `${name}/ambient 1`,
    ...['fl', 'fr', 'rl', 'rr'].map((wheel) => `${name}/tyres/${wheel} 0`),
  ]);
  await waitFor('all topics', () => topics.size === expected.length);
  t.same([...topics.keys()].sort(), expected.sort(), 'topics with their quality of service');
  await first.stop();
  topics.clear();
  await waitFor('messages that find no broker', () => rig.cars.every(({ unheard }) => unheard.mqtt > 10));
  const second = await startBroker(topics, port);
  await waitFor('all topics again', () => topics.size === expected.length);
  await rig.stop();
  await second.stop();
});

t.test('a rig that is stopped takes its wires away', async (t) => {
  const rig = await startRig();
  const [car] = rig.cars;
  const port = openSerialPort({ path: car?.ports.gnss ?? '', baudRate: GNSS_BAUD_RATE });
  t.teardown(() => port.close());
  const states: string[] = [];
  void port.open(
    () => {},
    (state) => states.push(state.kind),
  );
  await waitFor('open', () => states.includes('open'));
  await rig.stop();
  await waitFor('gone', () => states.includes('waiting'));
  const { time } = rig;
  t.equal(rig.time, time);
});

t.test('a process that was stopped lets the cars stand still and keeps the clock right', async (t) => {
  let now = 1000;
  const ticks: (() => void)[] = [];
  const timers = {
    now: () => now,
    after: (_delayMs: number, action: () => void) => {
      ticks.push(action);
      return () => {};
    },
  };
  const rig = await startRig({ timers, faults: false });
  t.teardown(() => rig.stop());
  const tick = (ms: number): void => {
    now += ms;
    ticks.shift()?.();
  };
  for (let i = 0; i < 10; i++) tick(10);
  t.ok(Math.abs(rig.time - 0.1) < 1e-9);
  const utc = rig.utcMs(rig.time);
  tick(1000);
  t.ok(Math.abs(rig.time - 0.35) < 1e-9, 'a short stop is caught up with, a slice at a time');
  for (let i = 0; i < 5; i++) tick(10);
  t.ok(Math.abs(rig.time - 1.15) < 1e-9, `${rig.time}`);
  tick(3_600_000);
  t.ok(rig.time < 1.5, 'an hour is not');
  t.ok(Math.abs(rig.utcMs(rig.time) - utc - 3_601_050) < 1, 'and the fixes have the time of day');
});

/** @param topics takes `topic qos` with how often it came */
async function startBroker(topics: Map<string, number>, port: number) {
  const aedes = await Aedes.createBroker();
  aedes.on('publish', ({ topic, qos }, client) => {
    if (client !== null) topics.set(`${topic} ${qos}`, (topics.get(`${topic} ${qos}`) ?? 0) + 1);
  });
  const server: Server = createServer((socket) => aedes.handle(socket));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    async stop(): Promise<void> {
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
