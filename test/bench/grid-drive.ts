import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CanInterface } from '../../collectors/can/can-interface.ts';
import { CanDictionary } from '../../collectors/can/dictionary.ts';
import { UndefinedFrames } from '../../collectors/can/undefined-frames.ts';
import { CollectorCounters } from '../../collectors/collector.ts';
import { mqttSettings } from '../../collectors/mqtt/config.ts';
import { MessageIntake } from '../../collectors/mqtt/message-intake.ts';
import { TopicDecoder } from '../../collectors/mqtt/topic-decoder.ts';
import { TopicRules } from '../../collectors/mqtt/topic-rules.ts';
import { SerialCollector } from '../../collectors/serial/serial-collector.ts';
import { serialSettings } from '../../collectors/serial/serial-config.ts';
import type { Clock } from '../../gateway/clock.ts';
import type { Intake } from '../../gateway/intake.ts';
import { FrameBatch } from '../../hardware/can/can-frame.ts';
import { MemoryWire } from '../../hardware/serial/memory-port.ts';
import type { SentFrame } from '../../hardware/simulated/can-sender.ts';
import { SimulatedCar } from '../../hardware/simulated/car.ts';
import { CAN_BITRATE, CAN_BUSES, type CanBusName, carDbc } from '../../hardware/simulated/dbc.ts';
import { GNSS_BAUD_RATE } from '../../hardware/simulated/gnss.ts';
import { ColumnIntake } from './column-intake.ts';
import type { Drive } from './drive.ts';

/** UTC at which the simulation begins, microseconds. */
const START_US = 1_779_022_800e6;

/** Cars take turns of so many seconds, so that samples come in the order of time as far as that. */
const TURN_S = 0.01;

/**
 * What a grid of simulated cars sends in so many seconds, decoded by the collectors that take in real ones: two CAN buses
 * by DBC, a GNSS receiver, MQTT. The same in every run. All stamps count as the devices', so that times are UTC.
 */
export async function simulateGrid(cars: number, seconds: number): Promise<Drive> {
  const intake = new ColumnIntake();
  const dictionaries = loadDictionaries();
  const grid: WiredCar[] = [];
  for (let number = 1; number <= cars; number += 1) grid.push(await wireCar(number, intake, dictionaries));
  for (let turn = 1; turn <= Math.round(seconds / TURN_S); turn += 1) {
    for (const { car } of grid) car.advance(turn * TURN_S);
  }
  for (const { stop } of grid) await stop();
  const drive = intake.drive('grid');
  return { ...drive, specs: drive.specs.map((spec) => ({ ...spec, stamp: 'device' })) };
}

type BusDictionaries = Readonly<Record<CanBusName, CanDictionary>>;

interface WiredCar {
  readonly car: SimulatedCar;
  readonly stop: () => Promise<void>;
}

/** Says what time it is in the simulation. */
class SimulatedClock implements Clock {
  #now = START_US;

  /** @param sentUs microseconds of simulation */
  set(sentUs: number): void {
    this.#now = START_US + Math.round(sentUs);
  }

  now(): number {
    return this.#now;
  }

  observe(): void {}
}

async function wireCar(number: number, intake: Intake, dictionaries: BusDictionaries): Promise<WiredCar> {
  const name = `car${number}`;
  const clock = new SimulatedClock();
  const counters = new CollectorCounters();
  const receiver = new MemoryWire(`${name}/gnss`);
  const gnss = new SerialCollector(
    serialSettings({ port: { path: receiver.name, baudRate: GNSS_BAUD_RATE }, prefix: `${name}/gnss` }),
    { source: `${name}-gnss`, intake, clock },
    receiver.port(),
  );
  await gnss.start();
  const settings = mqttSettings({ topics: [{ filter: '+/tyres/+', unit: 'degC' }] });
  const messages = new MessageIntake(
    intake,
    clock,
    'mqtt',
    new TopicDecoder(new TopicRules(settings.topics, settings.prefix)),
    counters,
    (reason, topic, detail) => {
      throw new Error(`${topic}: ${reason}: ${detail}`);
    },
  );
  const buses = Object.fromEntries(
    CAN_BUSES.map((bus) => [bus, canInput(`${name}/${bus}`, dictionaries[bus], intake, counters)]),
  );
  const car = new SimulatedCar(
    { seed: 1, number, faults: false, utcMs: (at) => START_US / 1e3 + at * 1e3 },
    {
      frame: (bus, frame) => {
        clock.set(frame.sentUs);
        buses[bus]?.(frame, clock.now());
      },
      sentence: (sentUs, text) => {
        clock.set(sentUs);
        void receiver.send(Buffer.from(text, 'latin1'));
      },
      message: (sentUs, topic, payload) => {
        clock.set(sentUs);
        messages.takeUnconfirmed({ topic, payload: Buffer.from(payload) });
      },
    },
  );
  return { car, stop: () => gnss.stop() };
}

function canInput(
  path: string,
  dictionary: CanDictionary,
  intake: Intake,
  counters: CollectorCounters,
): (frame: SentFrame, time: number) => void {
  const input = new CanInterface(
    {
      ...{ path, source: path, stamp: 'arrival', dictionary, protocol: undefined, obd: false },
      ...{ tester: undefined, clock: undefined, bitrate: CAN_BITRATE, dataBitrate: CAN_BITRATE },
      undefinedFrames: new UndefinedFrames(counters),
    },
    intake,
    counters,
  );
  const batch = new FrameBatch(1);
  return ({ id, data, length }, time) => {
    batch.clear();
    batch.add(id, 0, data, 0, length);
    input.take(batch, 0, time);
  };
}

function loadDictionaries(): BusDictionaries {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  try {
    const load = (bus: CanBusName): CanDictionary => {
      const path = join(folder, `${bus}.dbc`);
      writeFileSync(path, carDbc(bus));
      return CanDictionary.load([path]);
    };
    return { powertrain: load('powertrain'), chassis: load('chassis') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
