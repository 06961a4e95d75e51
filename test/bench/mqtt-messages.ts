import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Telemetry } from '../../gateway/query/telemetry.ts';
import { BenchStore } from './bench-store.ts';
import { atLeast, type Figure, type Progress } from './figure.ts';
import { type BrokerProcess, startMosquitto, startOurs } from './mqtt-brokers.ts';
import { type LoadResult, MqttLoad } from './mqtt-load.ts';
import { jsonLoad, type Load, packedLoad, singleLoad } from './mqtt-loads.ts';
import { median } from './statistics.ts';

const ROUNDS = 5;
/** Rounds until the machine code is what it stays. */
const WARM_ROUNDS = 2;
/** Connections between which the messages of one number are divided. */
const SINGLE_CLIENTS = [1, 10, 100] as const;
/** Messages of one number in a round, of all clients together. */
const SINGLE_MESSAGES = 262_144;
/** What each client sends in a round. */
const JSON_LAPS = 8;
const PACKED_LAPS = 8;

/** What comes by MQTT, from the socket to the disk: the broker and the store in a process of their own, whose CPU counts whole. */
export async function mqttFigures(progress: Progress): Promise<Figure[]> {
  const singles: (Measured & { readonly clients: number })[] = [];
  for (const clients of SINGLE_CLIENTS) {
    const load = singleLoad(clients);
    const laps = Math.ceil(SINGLE_MESSAGES / (load.lap.length * clients));
    singles.push({ clients, ...(await measure(load, laps, true, progress)) });
  }
  const json = await measure(jsonLoad(), JSON_LAPS, false, progress);
  const packed = await measure(packedLoad(), PACKED_LAPS, false, progress);
  return [
    ...singles.flatMap(({ clients, perCpuSecond, ratio }): Figure[] => [
      {
        name: `mqtt_qos1_per_cpu_s_${clients}`,
        value: perCpuSecond,
        unit: 'messages/s',
        meaning: `messages of one number at QoS 1 over ${countOf(clients)}, on disk when acknowledged, a second of CPU of the broker and the store`,
      },
      {
        name: `mqtt_qos1_ratio_${clients}`,
        value: ratio,
        unit: '',
        target: atLeast(1),
        meaning: 'the same, over what mosquitto without persistence takes of the same messages a second of CPU',
      },
    ]),
    {
      name: 'mqtt_qos1_ratio',
      value: Math.min(...singles.map(({ ratio }) => ratio)),
      unit: '',
      target: atLeast(1),
      meaning: `the least of these, over ${SINGLE_CLIENTS.join(', ')} connections`,
    },
    {
      name: 'mqtt_json_values_per_s',
      value: json.perSecond,
      unit: 'values/s',
      target: atLeast(1_000_000),
      meaning: 'values of JSON objects with 25 fields at QoS 1, on disk when acknowledged, of the box as a whole',
    },
    {
      name: 'mqtt_json_values_per_cpu_s',
      value: json.perCpuSecond,
      unit: 'values/s',
      meaning: 'the same a second of CPU of the broker and the store',
    },
    {
      name: 'mqtt_packed_samples_per_s',
      value: packed.perSecond,
      unit: 'samples/s',
      target: atLeast(5_000_000),
      meaning:
        'samples of packed frames of 25 channels at 1 kHz, 40 ms each, on disk when acknowledged, of the box as a whole',
    },
    {
      name: 'mqtt_packed_samples_per_cpu_s',
      value: packed.perCpuSecond,
      unit: 'samples/s',
      meaning: 'the same a second of CPU of the broker and the store',
    },
  ];
}

function countOf(connections: number): string {
  return connections === 1 ? 'one connection' : `${connections} connections`;
}

interface Measured {
  /** Values a second, from the first byte sent until the last acknowledgement. */
  readonly perSecond: number;
  /** Values a second of CPU of the broker's process. */
  readonly perCpuSecond: number;
  /** {@link Measured.perCpuSecond} over that of mosquitto; NaN where it was not asked for. */
  readonly ratio: number;
}

async function measure(load: Load, laps: number, isCompared: boolean, progress: Progress): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const ours = await startOurs(folder);
    closers.push(() => ours.stop());
    const theirs = isCompared ? await startMosquitto() : undefined;
    if (theirs !== undefined) closers.push(() => theirs.stop());
    const loads = { ours: await connect(load, ours), theirs: theirs && (await connect(load, theirs)) };
    closers.push(() => [loads.ours.stop(), loads.theirs?.stop()]);

    const rates: Measured[] = [];
    for (let round = 0; round < WARM_ROUNDS + ROUNDS; round += 1) {
      const found = await loads.ours.run(ours.pid, laps);
      const peer = theirs && (await loads.theirs?.run(theirs.pid, laps));
      progress([told('ours', load, found), peer && told('mosquitto', load, peer)].filter(Boolean).join('; '));
      if (round < WARM_ROUNDS) continue;
      const [perSecond, perCpuSecond] = rateOf(load, found);
      rates.push({
        perSecond,
        perCpuSecond,
        ratio: peer === undefined ? Number.NaN : perCpuSecond / rateOf(load, peer)[1],
      });
    }
    loads.ours.stop();
    await closers.splice(1, 1)[0]?.();
    requireAll(folder, load, (WARM_ROUNDS + ROUNDS) * laps);
    return {
      perSecond: median(rates.map((rate) => rate.perSecond)),
      perCpuSecond: median(rates.map((rate) => rate.perCpuSecond)),
      ratio: isCompared ? median(rates.map((rate) => rate.ratio)) : Number.NaN,
    };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function connect({ clients, window, lap, lapUs }: Load, { port }: BrokerProcess): Promise<MqttLoad> {
  return MqttLoad.start({ port, clients, window, lap, ...(lapUs === undefined ? {} : { lapUs }) });
}

function rateOf(
  { valuesPerMessage }: Load,
  { messages, wall, cpu }: LoadResult,
): [perSecond: number, perCpuSecond: number] {
  const values = messages * valuesPerMessage;
  return [values / wall, values / cpu];
}

function told(who: string, load: Load, result: LoadResult): string {
  const [perSecond, perCpuSecond] = rateOf(load, result);
  const share = ((100 * result.loadCpu) / result.wall).toFixed(0);
  return `${who} ${millions(perCpuSecond)} M/s of CPU, ${millions(perSecond)} M/s with ${share} % of a core publishing`;
}

function millions(rate: number): string {
  return (rate / 1e6).toPrecision(3);
}

/** Throws unless a store holds just what every client sent, in its order, bit by bit. */
function requireAll(dir: string, load: Load, laps: number): void {
  const telemetry = new BenchStore(undefined, dir).telemetry();
  try {
    for (let client = 0; client < load.clients; client += 1) {
      for (const [name, lap] of load.values) requireValues(telemetry, `c${client}/${name}`, lap, laps);
    }
  } finally {
    telemetry.close();
  }
}

function requireValues(telemetry: Telemetry, name: string, lap: Float64Array, laps: number): void {
  const { id } = telemetry.channel(name);
  let at = 0;
  for (const { values } of telemetry.raw(id, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
    for (const value of values) {
      if (!Object.is(value, lap[at % lap.length])) {
        throw new Error(`${name}, value ${at}: sent ${lap[at % lap.length]}, read ${value}`);
      }
      at += 1;
    }
  }
  if (at !== lap.length * laps) throw new Error(`${name}: sent ${lap.length * laps} values, read ${at}`);
}
