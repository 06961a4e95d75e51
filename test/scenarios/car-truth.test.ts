import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { decodePackedFrame, PACKED_I16_GAP } from '../../collectors/mqtt/packed-frame.ts';
import { carSources } from '../../gateway/commands/car-sources.ts';
import { requireConfig } from '../../gateway/commands/config.ts';
import { type GatewayProcess, startGateway } from '../../gateway/commands/gateway-process.ts';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { CAN_BUSES } from '../../hardware/simulated/dbc.ts';
import type { Fault } from '../../hardware/simulated/faults.ts';
import { type Rig, type RigCar, startRig } from '../../hardware/simulated/rig.ts';
import { SENSORS } from '../../hardware/simulated/sensors.ts';
import { freePort } from '../free-port.ts';
import { type Recording, recordCar } from '../hardware/simulated/recorded-car.ts';
import { decodeSignal, parseDbc, type ReferenceMessage, signalsIn } from '../hardware/simulated/reference-dbc.ts';
import { Drive } from './drive.ts';
import { eventually } from './eventually.ts';
import { Kept } from './kept.ts';

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Date.now() % 1e6);

/** Seconds driven beyond the first lap; more than the longest fault. */
const BEYOND_S = 5;

/** Faults beside those that come by chance: when and for how long, seconds. */
const DROPOUTS = [
  { at: 5, kind: 'silent', target: 'chassis/WheelSpeed', seconds: 1.5 },
  { at: 8, kind: 'silent', target: 'gnss', seconds: 2 },
  { at: 12, kind: 'silent', target: 'tyres/rl', seconds: 2 },
  { at: 15, kind: 'open-circuit', target: 'powertrain/OilTemp', seconds: 1 },
] as const;

/** A sample so close to the beginning of a millisecond is of the one or of the other. */
const EDGE_US = 0.01;

/** Standard deviations of a sensor's noise that a sample may be off. */
const SIGMAS = 7;

/** Periods without a frame of a message from which on it is a gap: a frame may wait for the bus. */
const GAP_PERIODS = 1.9;

const WIRES = { powertrain: 'car1-powertrain', chassis: 'car1-chassis', gnss: 'car1-gnss', mqtt: 'mqtt' } as const;
type Wire = keyof typeof WIRES;

t.test('what is kept of a lap is what the car sent, and that is what was true', async (t) => {
  t.comment(`CAISSON_TEST_SEED=${SEED}`);
  const folder = mkdtempSync(join(tmpdir(), 'caisson-truth-'));
  const drive = new Drive();
  const rig = await startRig({ seed: SEED, timers: drive });
  const [car] = rig.cars;
  if (car === undefined) throw new Error('no car');
  const mqttPort = await freePort();
  const config = writeConfig(folder, carSources(rig, folder, mqttPort));
  const gateway = await startGateway(config, {
    version: 'test',
    webRoot: folder,
    onProblem: (text) => t.comment(text),
  });
  let stopped = false;
  t.teardown(async () => {
    if (!stopped) await gateway.stop();
    await rig.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await rig.connectMqtt(`mqtt://127.0.0.1:${mqttPort}`);

  const injected: { kind: Fault['kind']; target: string; from: number; to: number }[] = [];
  const waiting = [...DROPOUTS];
  let end = Number.POSITIVE_INFINITY;
  while (rig.time < end) {
    await drive.step();
    for (let next = waiting[0]; next !== undefined && rig.time >= next.at; next = waiting[0]) {
      waiting.shift();
      const from = Math.floor(rig.time * 1000 + 1e-6) / 1000;
      car.inject(next.kind, next.target, next.seconds);
      injected.push({ kind: next.kind, target: next.target, from, to: from + next.seconds });
    }
    const [lap] = car.truth.laps;
    if (lap !== undefined) end = lap.end + BEYOND_S;
  }
  await t.test('every wire is taken in as it was spoken', (t) => everyWire(t, { gateway, car, drive }));
  await gateway.stop();
  stopped = true;

  const again = recordCar({ seed: SEED, utcMs: (seconds) => rig.utcMs(seconds) });
  for (const { kind, target, from, to } of injected) again.car.inject(kind, target, from, to);
  again.car.advance(rig.time);
  t.same(again.car.sent, car.sent, 'the same drive again sends the same');
  t.same(again.car.truth.faults, car.truth.faults, 'and has the same faults');

  const telemetry = StoreTelemetry.open(config.store.dir);
  t.teardown(() => telemetry.close());
  const kept = new Kept(telemetry);
  await t.test('every CAN signal', async (t) => canSignals(t, kept, again, rig, car));
  await t.test('every fix', async (t) => fixes(t, kept, again, car));
  await t.test('every tyre and the weather', async (t) => messages(t, kept, again, car));
  await t.test('what was sent is what was true', async (t) => truth(t, again, rig));
  await t.test('the only gaps are the faults of the car', async (t) => gaps(t, telemetry, again, rig));
  await t.test('the lap', async (t) => {
    const [lap] = car.truth.laps;
    if (lap === undefined) throw new Error('no lap');
    const numbers = kept.values('car1/chassis/LapInfo/LapNumber');
    const seconds = kept.values('car1/chassis/LapInfo/LapTime');
    t.same([...new Set(numbers)], [0, lap.number, lap.number + 1], 'the run-up, a lap and the next');
    const read = seconds[numbers.lastIndexOf(lap.number)] ?? Number.NaN;
    const lasted = lap.end - lap.start;
    const unsure = car.truth.faults
      .filter(({ target }) => /^chassis\/Lap(Info|Number|Time)$/.test(target))
      .reduce((sum, { fromUs, toUs }) => sum + (toUs - fromUs) / 1e6, 0);
    t.ok(Math.abs(read - lasted) < 0.05 + unsure, `a lap of ${lasted.toFixed(3)} s, last read ${read.toFixed(3)} s`);
  });
});

function writeConfig(folder: string, sources: object) {
  const path = join(folder, 'caisson.yaml');
  const config = { store: { dir: join(folder, 'data') }, dashboard: { port: 0 }, grpc: { port: 0 }, sources };
  writeFileSync(path, stringify(config));
  writeFileSync(join(folder, 'index.html'), '');
  return requireConfig(path);
}

async function everyWire(
  t: Test,
  { gateway, car, drive }: { readonly gateway: GatewayProcess; readonly car: RigCar; readonly drive: Drive },
): Promise<void> {
  const received = (wire: Wire) => gateway.status().sources.find(({ name }) => name === WIRES[wire]);
  for (const wire of Object.keys(WIRES) as Wire[]) {
    const expected = car.sent[wire].units - car.unheard[wire];
    const source = await eventually(`${wire} is taken in`, () => {
      // What an adapter holds because its host had not read goes out at its next turn.
      drive.rest();
      const found = received(wire);
      return (found?.received ?? 0) >= expected && found;
    });
    t.equal(source.received, expected, `${wire}: ${expected} of ${car.sent[wire].units} sent, the rest said unheard`);
    t.equal(source.dropped, 0);
    t.same({ ...source.errors, refused: 0 }, { refused: 0 }, 'nothing that could not be used');
  }
  const { store, ring } = gateway.status();
  t.equal(store.lost + ring.refused, 0, 'nothing lost');
}

/** Compares the end of what was sent with what is kept: who came late did not hear the beginning. Returns what was missed. */
function sameTail(t: Test, channel: string, kept: readonly number[], sent: readonly number[]): number {
  const missed = sent.length - kept.length;
  const wrong = missed < 0 ? -1 : kept.findIndex((value, i) => !Object.is(value, sent[missed + i]));
  if (missed < 0 || wrong >= 0) {
    t.fail(
      `${channel}: ${kept.length} kept of ${sent.length}, number ${wrong} is ${kept[wrong]}, sent ${sent[missed + wrong]}`,
    );
  }
  return missed;
}

function dictionaries(rig: Rig) {
  return { powertrain: parseDbc(rig.dbc.powertrain), chassis: parseDbc(rig.dbc.chassis) };
}

function messageOf(messages: Map<number, ReferenceMessage>, id: number): ReferenceMessage {
  const message = messages.get(id);
  if (message === undefined) throw new Error(`no message ${id} in the DBC`);
  return message;
}

async function canSignals(t: Test, kept: Kept, { frames }: Recording, rig: Rig, car: RigCar): Promise<void> {
  const dbc = dictionaries(rig);
  for (const bus of CAN_BUSES) {
    const sent = new Map<string, number[]>();
    const framesOf = new Map<string, string>();
    for (const { id, data } of frames.filter((frame) => frame.bus === bus)) {
      const message = messageOf(dbc[bus], id);
      for (const signal of signalsIn(message, data)) {
        const channel = `car1/${bus}/${message.name}/${signal.name}`;
        const values = sent.get(channel) ?? [];
        sent.set(channel, values);
        values.push(decodeSignal(signal, data));
        if (signal.multiplex === undefined && !framesOf.has(message.name)) framesOf.set(message.name, channel);
      }
    }
    const missed = new Map(
      [...sent].map(([channel, values]) => [channel, sameTail(t, channel, kept.values(channel), values)]),
    );
    const samples = [...sent.values()].reduce((sum, { length }) => sum + length, 0);
    t.ok(sent.size > 70, `${bus}: ${samples} samples of ${sent.size} signals are kept as they were sent, bit by bit`);
    const unheard = [...framesOf.values()].reduce((sum, channel) => sum + (missed.get(channel) ?? 0), 0);
    t.ok(unheard <= car.unheard[bus], `of ${unheard} frames nothing is kept, ${car.unheard[bus]} were unheard`);
  }
}

async function fixes(t: Test, kept: Kept, { sentences }: Recording, car: RigCar): Promise<void> {
  const fields = sentences.map(({ text }) => text.split(','));
  const valid = {
    rmc: fields.filter(([kind, , state]) => kind === '$GNRMC' && state === 'A'),
    gga: fields.filter(([kind, , latitude]) => kind === '$GNGGA' && latitude !== ''),
  };
  const degrees = (text = '') => Number(text.slice(0, -8)) + Number(text.slice(-8)) / 60;
  const cases = [
    ['speed', valid.rmc.map((field) => (Number(field[7]) * 1852) / 3600), 1e-9],
    ['altitude', valid.gga.map((field) => Number(field[9])), 1e-9],
    ['position/latitude', valid.gga.map((field) => (field[3] === 'S' ? -1 : 1) * degrees(field[2])), 1e-10],
    ['position/longitude', valid.gga.map((field) => (field[5] === 'W' ? -1 : 1) * degrees(field[4])), 1e-10],
  ] as const;
  for (const [name, sent, tolerance] of cases) {
    const values = kept.values(`car1/gnss/${name}`);
    const missed = sent.length - values.length;
    t.ok(missed >= 0 && missed <= car.unheard.gnss, `${name}: ${values.length} of ${sent.length}`);
    const off = Math.max(...values.map((value, i) => Math.abs(value - (sent[missed + i] ?? Number.NaN))));
    t.ok(off < tolerance, `off by ${off} at most`);
  }
}

async function messages(t: Test, kept: Kept, { messages: said }: Recording, car: RigCar): Promise<void> {
  const sent = new Map<string, { times: number[]; values: number[] }>();
  const add = (channel: string, time: number, value: number): void => {
    const samples = sent.get(channel) ?? { times: [], values: [] };
    sent.set(channel, samples);
    samples.times.push(time);
    samples.values.push(value);
  };
  for (const { topic, payload } of said) {
    if (typeof payload === 'string') {
      for (const [name, value] of Object.entries(JSON.parse(payload))) add(`${topic}/${name}`, 0, Number(value));
      continue;
    }
    const frame = decodePackedFrame(payload);
    for (const { name, firstUs, intervalUs, ...column } of frame.channels) {
      if (column.type !== 'i16') throw new Error(`${topic} sends ${column.type}`);
      for (const [i, raw] of column.values.entries()) {
        if (raw === PACKED_I16_GAP) continue;
        add(`${topic}/${name}`, frame.baseTimeUs + firstUs + i * intervalUs, raw * column.gain + column.offset);
      }
    }
  }
  for (const [channel, { times, values }] of sent) {
    const stored = kept.samples(channel);
    const missed = sameTail(t, channel, stored.values, values);
    if (missed > car.unheard.mqtt * 64) t.fail(`${channel}: ${missed} are missing`);
    // Tyres have clocks of their own; the weather is stamped as it arrives.
    if (times[0] !== 0) t.same(stored.times, times.slice(missed), channel);
  }
  t.equal(sent.size, 70, `${sent.size} channels`);
}

async function truth(t: Test, { frames, car }: Recording, rig: Rig): Promise<void> {
  const dbc = dictionaries(rig);
  const sensors = new Map(SENSORS.map((sensor) => [sensor.name, sensor]));
  const faults = car.truth.faults.filter(({ kind }) => kind === 'stuck' || kind === 'open-circuit');
  let compared = 0;
  let wrong = 0;
  // In the order of sampling: the truth is a drive that is driven again.
  for (const { bus, id, data, sampledUs } of frames.toSorted((a, b) => a.sampledUs - b.sampledUs)) {
    const isBetweenSteps = Math.abs(((sampledUs + 500) % 1000) - 500) < EDGE_US;
    for (const signal of signalsIn(messageOf(dbc[bus], id), data)) {
      const name = `${bus}/${signal.name}`;
      const sensor = sensors.get(name);
      if (sensor === undefined) throw new Error(`no sensor ${name}`);
      const isFaulty = ({ target, fromUs, toUs }: Fault) =>
        target === name && sampledUs >= fromUs - 1000 && sampledUs <= toUs + 1000;
      if (isBetweenSteps || faults.some(isFaulty)) continue;
      const value = decodeSignal(signal, data);
      const true_ = car.truth.valueAt(name, sampledUs / 1e6);
      const least = Math.min(sensor.greatest, Math.max(sensor.least, true_));
      compared++;
      if (Math.abs(value - least) <= SIGMAS * sensor.noise + sensor.step + 1e-5 * Math.abs(true_)) continue;
      wrong++;
      if (wrong < 10) t.comment(`${name} at ${(sampledUs / 1e6).toFixed(4)} s: ${value}, true is ${true_}`);
    }
  }
  t.equal(wrong, 0, `${compared} samples are within ${SIGMAS} standard deviations of the truth`);
  t.ok(compared > 1e6);
}

async function gaps(t: Test, telemetry: StoreTelemetry, { frames, car }: Recording, rig: Rig): Promise<void> {
  const dbc = dictionaries(rig);
  const silent = car.truth.faults.filter(({ kind }) => kind === 'silent');
  const last = new Map<string, number>();
  const rates = new Map(SENSORS.map(({ name, rateHz }) => [name, rateHz]));
  let found = 0;
  for (const { bus, id, sampledUs } of frames.toSorted((a, b) => a.sampledUs - b.sampledUs)) {
    const message = messageOf(dbc[bus], id);
    const unit = `${bus}/${message.name}`;
    const rateHz = rates.get(`${bus}/${message.signals.find(({ multiplex }) => multiplex === undefined)?.name}`) ?? 1;
    const before = last.get(unit);
    last.set(unit, sampledUs);
    if (before === undefined || sampledUs - before < (GAP_PERIODS * 1e6) / rateHz) continue;
    found++;
    const explained = silent.some(({ target, fromUs, toUs }) => target === unit && fromUs < sampledUs && toUs > before);
    if (!explained) t.fail(`${unit}: nothing from ${before} to ${sampledUs} us, and no fault`);
  }
  t.ok(found > 0, `${found} gaps on the buses, each a silent unit`);
  const ids = telemetry.channels().map(({ id }) => id);
  const lost = telemetry.ledger().filter(({ taken, kept, lost }) => taken !== kept || lost > 0);
  t.same(lost, [], `the ledger of ${ids.length} channels has none`);
  t.same(
    ids.flatMap((id) => telemetry.gaps(id, 0, Number.MAX_SAFE_INTEGER)),
    [],
  );
}
