import t from 'tap';
import { decodePackedFrame } from '../../../collectors/mqtt/packed-frame.ts';
import { frameBits, frameHead } from '../../../hardware/simulated/can-bits.ts';
import { CAN_BUSES, carDbc } from '../../../hardware/simulated/dbc.ts';
import { Faults } from '../../../hardware/simulated/faults.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { SENSORS } from '../../../hardware/simulated/sensors.ts';
import { digestOf, type Recording, recordCar } from './recorded-car.ts';
import { decodeSignal as decode, parseDbc, signalsIn } from './reference-dbc.ts';

/** Bytes of a raw sample in the reference load. */
const SAMPLE_BYTES = 13.3;
const LAP_BYTES = 30e6;

/** Samples of each sensor with a moment in [from, to), microseconds, as anyone sees them who decodes the wires. */
function countSamples({ frames, sentences, messages }: Recording, from: number, to: number): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (sensor: string, samples = 1): void => {
    counts.set(sensor, (counts.get(sensor) ?? 0) + samples);
  };
  const within = ({ sentUs }: { readonly sentUs: number }): boolean => sentUs >= from && sentUs < to;
  const dbcs = { powertrain: parseDbc(carDbc('powertrain')), chassis: parseDbc(carDbc('chassis')) };
  for (const { bus, id, data } of frames.filter(within)) {
    const message = dbcs[bus].get(id);
    if (message === undefined || message.bytes !== data.length) throw new Error(`frame ${id} is not in the DBC`);
    for (const { name } of signalsIn(message, data)) count(`${bus}/${name}`);
  }
  for (const { text } of sentences.filter(within)) {
    for (const name of sensorsOf(text.split(','))) count(`gnss/${name}`);
  }
  for (const { topic, payload } of messages.filter(within)) {
    const path = topic.slice(topic.indexOf('/') + 1);
    if (typeof payload === 'string') for (const name of Object.keys(JSON.parse(payload))) count(`${path}/${name}`);
    else for (const { name, values } of decodePackedFrame(payload).channels) count(`${path}/${name}`, values.length);
  }
  return counts;
}

/** What a sentence is the first to say of its fix; empty fields say nothing. */
function sensorsOf(fields: readonly string[]): string[] {
  const kind = fields[0]?.slice(3);
  if (kind === 'RMC') return fields[2] === 'A' ? ['speed', 'course'] : [];
  if (kind === 'GSA') return fields[2] === '3' ? ['pdop', 'vdop'] : [];
  if (kind !== 'GGA') return [];
  return [...(fields[2] === '' ? [] : ['latitude', 'longitude', 'altitude']), 'quality', 'satellites', 'hdop'];
}

t.test('a lap is 30 MB of raw samples from 250 sensors, each at its rate', async (t) => {
  const recording = recordCar({ seed: 1 });
  const { car } = recording;
  while (car.truth.laps.length < 1) car.advance(car.time + 1);
  const [lap] = car.truth.laps;
  if (lap === undefined) throw new Error('no lap');
  const counts = countSamples(recording, lap.start * 1e6, lap.end * 1e6);
  t.same([...counts.keys()].sort(), SENSORS.map(({ name }) => name).sort(), 'exactly the sensors of the table');
  t.equal(counts.size, 250);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const bytes = total * SAMPLE_BYTES;
  t.ok(Math.abs(bytes / LAP_BYTES - 1) < 0.03, `${total} samples, ${(bytes / 1e6).toFixed(2)} MB`);
  const seconds = lap.end - lap.start;
  // No sensor misses more than what it would have sent while anything at all was silent.
  const silentS = car.truth.faults
    .filter(({ kind }) => kind !== 'stuck')
    .reduce((sum, { fromUs, toUs }) => sum + (toUs - fromUs) / 1e6, 0);
  for (const { name, rateHz } of SENSORS) {
    const missing = rateHz * seconds - (counts.get(name) ?? 0);
    if (missing > rateHz * silentS + 6 || missing < -6) t.fail(`${name}: ${counts.get(name)} samples at ${rateHz} Hz`);
  }
});

t.test('what the car says it sent is what was on the wires', async (t) => {
  const recording = recordCar({ seed: 3, number: 2, faults: false });
  const { car, frames, sentences, messages } = recording;
  for (const [from, to, kind, target] of [
    [2, 3, 'no-fix', 'gnss'],
    [4, 6, 'silent', 'tyres/rl'],
    [5, 7, 'open-circuit', 'tyres/fl/zone03'],
  ] as const) {
    car.inject(kind, target, from, to);
  }
  car.advance(20);
  const { sent } = car;
  for (const bus of CAN_BUSES) t.equal(sent[bus].units, frames.filter((frame) => frame.bus === bus).length, bus);
  t.equal(sent.gnss.units, sentences.length);
  t.equal(sent.mqtt.units, messages.length);
  const samplesOf = (group: string): number => {
    let sum = 0;
    for (const [name, count] of countSamples(recording, 0, 21e6)) if (name.startsWith(`${group}/`)) sum += count;
    return sum;
  };
  for (const bus of CAN_BUSES) t.equal(sent[bus].samples, samplesOf(bus), bus);
  const gaps = car.truth.faults.find(({ kind }) => kind === 'open-circuit')?.lostSamples ?? 0;
  t.ok(gaps > 90, 'gaps in packed frames keep their place');
  t.equal(sent.gnss.samples, samplesOf('gnss'));
  t.equal(sent.mqtt.samples, samplesOf('tyres') + samplesOf('ambient') - gaps);
  t.ok(messages.every(({ topic }) => topic.startsWith('car2/')));
  t.same([...new Set(messages.filter(({ qos }) => qos === 1).map(({ topic }) => topic))], ['car2/ambient']);
});

t.test('the same seed gives the same bytes, however the time is cut', async (t) => {
  const once = digestOf({ seed: 9, number: 1 }, 6, 6);
  t.equal(digestOf({ seed: 9, number: 1 }, 6, 0.01), once);
  const lines = new Set(once.split('\n'));
  for (const other of [
    { seed: 10, number: 1 },
    { seed: 9, number: 2 },
  ]) {
    const same = digestOf(other, 6, 6)
      .split('\n')
      .filter((line) => lines.has(line));
    t.same(same, [], `nothing alike for seed ${other.seed}, car ${other.number}`);
  }
});

t.test('a fault changes nothing but its target', async (t) => {
  const plain = recordCar({ seed: 4, faults: false });
  const faulty = recordCar({ seed: 4, faults: false });
  faulty.car.inject('silent', 'chassis/Brake', 1, 2);
  plain.car.advance(4);
  faulty.car.advance(4);
  // Compared by message: when a frame is missing, those that waited for the bus go out a little earlier.
  const dataOf = ({ frames }: Recording, bus: string, id: number) =>
    frames.filter((frame) => frame.bus === bus && frame.id === id).map(({ data }) => Buffer.from(data).toString('hex'));
  const messages = new Map(plain.frames.map(({ bus, id }) => [`${bus} ${id}`, { bus, id }]));
  const changed = [...messages.values()].filter(({ bus, id }) => {
    return dataOf(plain, bus, id).join() !== dataOf(faulty, bus, id).join();
  });
  t.same(changed, [{ bus: 'chassis', id: 0x0c0 }]);
  t.same(faulty.sentences, plain.sentences);
  t.same(faulty.messages, plain.messages);
});

t.test('each injected dropout is on the wires what the truth says of it', async (t) => {
  const clean = recordCar({ seed: 5, faults: false });
  const { car, frames, sentences, messages } = recordCar({ seed: 5, faults: false });
  car.inject('silent', 'chassis/WheelSpeed', 1, 1.5);
  car.inject('silent', 'gnss', 2, 3);
  car.inject('silent', 'tyres/fl', 1, 2);
  car.inject('stuck', 'powertrain/EngineSpeed', 3, 4);
  car.inject('open-circuit', 'powertrain/OilTemp', 3, 5);
  clean.car.advance(6);
  car.advance(6);
  const fault = (target: string) => {
    const found = car.truth.faults.find((each) => each.target === target);
    if (found === undefined) throw new Error(`no fault of ${target}`);
    return found;
  };

  const wheel = { bus: 'chassis', id: 0x090 };
  const of = (list: Recording['frames']) => list.filter(({ bus, id }) => bus === wheel.bus && id === wheel.id);
  t.equal(fault('chassis/WheelSpeed').lostUnits, of(clean.frames).length - of(frames).length);
  t.equal(fault('chassis/WheelSpeed').lostUnits, 100);
  t.equal(fault('chassis/WheelSpeed').lostSamples, 400);
  t.notOk(of(frames).some(({ sampledUs }) => sampledUs >= 1e6 && sampledUs < 1.5e6));

  t.equal(fault('gnss').lostUnits, clean.sentences.length - sentences.length);
  t.equal(fault('gnss').lostSamples, 25 * 8 + 2);
  t.equal(fault('tyres/fl').lostUnits, clean.messages.length - messages.length);
  t.equal(fault('tyres/fl').lostSamples, fault('tyres/fl').lostUnits * 16 * 5);

  const signal = (name: string) => {
    for (const message of parseDbc(carDbc('powertrain')).values()) {
      const found = message.signals.find((each) => each.name === name);
      if (found !== undefined) return { message, found };
    }
    throw new Error(`no signal ${name}`);
  };
  const values = (name: string, from: number, to: number) => {
    const { message } = signal(name);
    return frames
      .filter(
        ({ bus, id, sampledUs }) => bus === 'powertrain' && id === message.id && sampledUs >= from && sampledUs < to,
      )
      .map(({ data }) => signalsIn(message, data).map((each) => [each.name, each, data] as const))
      .flatMap((list) => list.filter(([each]) => each === name).map(([, each, data]) => decode(each, data)));
  };
  const speeds = values('EngineSpeed', 3e6, 4e6);
  t.equal(speeds.length, fault('powertrain/EngineSpeed').wrongSamples);
  t.same(new Set(speeds), new Set(values('EngineSpeed', 2.9e6, 3e6).slice(-1)), 'repeats the last one before');
  t.equal(new Set(values('EngineSpeed', 4e6, 4.1e6)).size > 5, true, 'and moves again afterwards');
  const temperatures = values('OilTemp', 3e6, 5e6);
  t.equal(temperatures.length, fault('powertrain/OilTemp').wrongSamples);
  t.ok(
    temperatures.every((value) => value === signal('OilTemp').found.greatest),
    'at the upper end',
  );
});

t.test('faults by chance come now and then, to units and sensors alike', async (t) => {
  const faults = new Faults(new Random(6), true);
  for (let unit = 0; unit < 40; unit++) faults.slot(`unit${unit}`, ['silent']);
  for (let sensor = 0; sensor < 240; sensor++) faults.slot(`sensor${sensor}`, ['open-circuit', 'stuck']);
  for (let ms = 0; ms < 3_600_000; ms++) faults.advance(ms * 1000);
  const { struck } = faults;
  t.ok(struck.length > 140 && struck.length < 270, `${struck.length} in an hour`);
  const share = (kind: string) => struck.filter((fault) => fault.kind === kind).length / struck.length;
  t.ok(share('silent') > 0.4 && share('silent') < 0.75, `silent: ${share('silent')}`);
  t.ok(share('stuck') > 0.1 && share('open-circuit') > 0.1);
  t.ok(struck.every(({ fromUs, toUs }) => toUs - fromUs >= 30_000 && toUs - fromUs <= 4.1e6));
});

t.test('a car without a word about it has faults by chance, and none when asked for none', async (t) => {
  const usual = recordCar({ seed: 1 });
  const perfect = recordCar({ seed: 1, faults: false });
  for (const { car } of [usual, perfect]) car.advance(40);
  t.ok(usual.car.truth.faults.length > 0);
  t.same(perfect.car.truth.faults, []);
});

t.test('a fault that cannot be is refused', async (t) => {
  const { car } = recordCar({ seed: 1 });
  t.throws(() => car.inject('silent', 'chassis/Nothing', 0, 1), /chassis\/Nothing cannot be silent/);
  t.throws(() => car.inject('no-fix', 'ambient', 0, 1), /ambient cannot be no-fix; it can be silent/);
});

t.test('both buses stay below 85 % and no frame is replaced, stuff bits counted', async (t) => {
  const { car, frames } = recordCar({ seed: 2, faults: false });
  car.advance(8);
  for (const bus of CAN_BUSES) {
    const load = car.busLoad(bus);
    t.ok(load > 0.1 && load < 0.85, `${bus} ${(100 * load).toFixed(1)} %`);
    const counted = frames
      .filter((frame) => frame.bus === bus)
      .reduce((sum, { id, data }) => sum + slowBits(id, data), 0);
    t.ok(Math.abs(counted / 8e6 - load) < 2e-4, 'as counted bit by bit');
    let lastUs = 0;
    for (const frame of frames) {
      if (frame.bus !== bus) continue;
      if (frame.sentUs - lastUs < slowBits(frame.id, frame.data) - 1e-6) t.fail(`two frames at ${frame.sentUs} us`);
      if (frame.sentUs - frame.sampledUs > 3000)
        t.fail(`frame ${frame.id} waited ${frame.sentUs - frame.sampledUs} us`);
      lastUs = frame.sentUs;
    }
  }
});

t.test('frame lengths are those of ISO 11898-1', async (t) => {
  const random = new Random(8);
  for (let round = 0; round < 400; round++) {
    const id = random.below(0x800);
    const data = Uint8Array.from({ length: random.below(9) }, () => [0, 255, random.below(256)][random.below(3)] ?? 0);
    const bits = frameBits(frameHead(id, data.length), data);
    if (bits !== slowBits(id, data)) t.fail(`${id} ${data}: ${bits}, not ${slowBits(id, data)}`);
  }
  // Eight bytes: 111 bits with the pause and without stuff bits, 24 more at worst.
  const all = [0x000, 0x078, 0x555, 0x7ff].map((id) => frameBits(frameHead(id, 8), new Uint8Array(8).fill(0x3c)));
  t.ok(
    all.every((bits) => bits >= 111 && bits <= 135),
    `${all}`,
  );
});

t.test('every analogue sensor is noisy: hardly a sample repeats the one before', async (t) => {
  const { car, frames } = recordCar({ seed: 7, faults: false });
  car.advance(8);
  const noisy = new Map(
    SENSORS.filter(({ noise }) => noise > 0).map(({ name }) => [name, { same: 0, all: 0, last: NaN }]),
  );
  const dbcs = { powertrain: parseDbc(carDbc('powertrain')), chassis: parseDbc(carDbc('chassis')) };
  for (const { bus, id, data } of frames) {
    const message = dbcs[bus].get(id);
    if (message === undefined) continue;
    for (const signal of signalsIn(message, data)) {
      const seen = noisy.get(`${bus}/${signal.name}`);
      if (seen === undefined) continue;
      const value = decode(signal, data);
      seen.all++;
      if (value === seen.last) seen.same++;
      seen.last = value;
    }
  }
  for (const [name, { same, all }] of noisy)
    if (all > 40 && same > 0.6 * all) t.fail(`${name}: ${same} of ${all} repeat`);
  const gaps = frames.filter(({ id, bus }) => id === 0x080 && bus === 'powertrain').map(({ sentUs }) => sentUs);
  const spacing = new Set(gaps.slice(1).map((at, i) => Math.round(at - (gaps[i] ?? 0))));
  t.ok(spacing.size > 100, `${spacing.size} different intervals between frames`);
});

/** Length of a frame as the standard describes it: bits written down, checksum by long division, stuffed one by one. */
function slowBits(id: number, data: Uint8Array): number {
  const bits: number[] = [];
  const put = (value: number, count: number): void => {
    for (let place = count - 1; place >= 0; place--) bits.push((value >> place) & 1);
  };
  put(0, 1);
  put(id, 11);
  put(0, 3);
  put(data.length, 4);
  for (const byte of data) put(byte, 8);
  let crc = 0;
  for (const bit of bits) {
    const next = bit ^ ((crc >> 14) & 1);
    crc = (crc << 1) & 0x7fff;
    if (next === 1) crc ^= 0x4599;
  }
  put(crc, 15);
  let stuffed = 0;
  let run: number[] = [];
  for (const bit of bits) {
    run = run[0] === bit ? [...run, bit] : [bit];
    if (run.length < 5) continue;
    stuffed++;
    run = [1 - bit];
  }
  return bits.length + stuffed + 1 + 2 + 7 + 3;
}
