import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { TelemetryClient } from '../../sync/api/client.ts';
import { freePort } from '../free-port.ts';
import { type InfluxDb, startInfluxDb } from '../influxdb.ts';
import { CaissonProcess } from './caisson-process.ts';
import { atLeast, type Figure, type Progress } from './figure.ts';
import { cpuSeconds } from './process-usage.ts';
import { median } from './statistics.ts';

/** A box of 20 machines with 10 quantities each, looked at every 100 ms; a body is 10 s of that. */
const MACHINES = 20;
const FIELDS = 10;
const STEPS = 100;
const STEP_US = 100_000;
const BODY_VALUES = MACHINES * FIELDS * STEPS;
const BODIES_PER_ROUND = 50;
const ROUNDS = 5;
/** Rounds until the machine code is what it stays. */
const WARM_ROUNDS = 2;
const START_US = 1_700_000_000_000_000;
const DATABASE = 'bench';

/** Values a second of CPU that a gateway and InfluxDB take by HTTP, each a process of its own, alternating on the same bodies. */
export async function httpFigures(progress: Progress): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const influx = await startInfluxDb();
    closers.push(() => influx.stop());
    await influx.createDatabase(DATABASE);
    const port = await freePort();
    const gateway = await CaissonProcess.start(['run', writeConfig(folder, port)], /gRPC (?<host>[\d.]+):(?<port>\d+)/);
    closers.push(() => gateway.stop());
    const client = new TelemetryClient({
      host: gateway.ready.groups?.host ?? '',
      port: Number(gateway.ready.groups?.port),
    });
    closers.push(() => client.close());
    const ours = { pid: gateway.pid, url: `http://127.0.0.1:${port}/write?precision=u` };
    const theirs = {
      pid: influx.process.pid ?? 0,
      url: `http://127.0.0.1:${influx.port}/write?db=${DATABASE}&precision=u`,
    };
    const rates: { ours: number; theirs: number }[] = [];
    for (let round = 0; round < WARM_ROUNDS + ROUNDS; round += 1) {
      const bodies = Array.from({ length: BODIES_PER_ROUND }, (_, at) => bodyOf(round * BODIES_PER_ROUND + at));
      const rate = { ours: await valuesPerSecond(ours, bodies), theirs: await valuesPerSecond(theirs, bodies) };
      progress(`${(rate.ours / 1e6).toFixed(2)} against ${(rate.theirs / 1e6).toFixed(2)} M values/s of CPU`);
      if (round >= WARM_ROUNDS) rates.push(rate);
    }
    await compare(client, influx);
    return [
      {
        name: 'http_values_per_s',
        value: median(rates.map((rate) => rate.ours)),
        unit: 'values/s',
        meaning: 'values of line protocol taken over HTTP, on disk when answered, a second of CPU of the whole gateway',
      },
      {
        name: 'http_line_protocol_ratio',
        value: median(rates.map((rate) => rate.ours / rate.theirs)),
        unit: '',
        target: atLeast(1.5),
        meaning: 'the same, over what InfluxDB 1.6 takes of the same bodies a second of CPU',
      },
    ];
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

interface Peer {
  readonly pid: number;
  readonly url: string;
}

async function valuesPerSecond({ pid, url }: Peer, bodies: readonly Buffer[]): Promise<number> {
  const before = cpuSeconds(pid);
  for (const body of bodies) {
    const { status } = await fetch(url, { method: 'POST', body });
    if (status !== 204) throw new Error(`${url} answered ${status}, expected 204`);
  }
  return (bodies.length * BODY_VALUES) / (cpuSeconds(pid) - before);
}

function bodyOf(number: number): Buffer {
  const lines: string[] = [];
  for (let step = 0; step < STEPS; step += 1) {
    const at = number * STEPS + step;
    for (let machine = 0; machine < MACHINES; machine += 1) {
      const fields = Array.from({ length: FIELDS }, (_, field) => `q${field}=${sensed(at, machine, field)}`);
      lines.push(`machine,site=north,id=m${machine} ${fields.join(',')} ${START_US + at * STEP_US}`);
    }
  }
  return Buffer.from(lines.join('\n'));
}

/** A slow wave with the noise of a sensor, to as many decimals as a sensor gives. */
function sensed(at: number, machine: number, field: number): string {
  const wave = Math.sin(at / (50 + 7 * field) + machine) * 10 ** (field % 3);
  const noise = (((at * 7919 + machine * 104_729 + field * 1_299_709) % 1000) / 1000 - 0.5) * 0.02;
  return (wave + noise).toFixed(3);
}

/** Throws unless both hold the same values of one machine at the same times. */
async function compare(client: TelemetryClient, influx: InfluxDb): Promise<void> {
  const [series] = await influx.all(DATABASE, "WHERE id = 'm3'");
  const column = series?.columns.indexOf('q4') ?? -1;
  const expected = series?.values.map((row) => `${row[0]} ${row[column]}`) ?? [];
  const found: string[] = [];
  for await (const piece of client.query({ channels: ['machine/id=m3/site=north/q4'] })) {
    if (!('samples' in piece)) continue;
    const { times, values } = piece.samples;
    for (const [at, time] of times.entries()) found.push(`${time} ${values[at]}`);
  }
  const wanted = (WARM_ROUNDS + ROUNDS) * BODIES_PER_ROUND * STEPS;
  const differs = expected.findIndex((sample, at) => sample !== found[at]);
  if (found.length !== wanted || expected.length !== wanted || differs >= 0) {
    const met = `${found.length} and ${expected.length} samples, expected ${wanted}`;
    throw new Error(`gateway and InfluxDB differ: ${met}; the first is ${found[differs]}, not ${expected[differs]}`);
  }
}

function writeConfig(folder: string, port: number): string {
  const path = join(folder, 'caisson.yaml');
  const config = {
    gateway: { id: 'bench' },
    store: { dir: join(folder, 'gateway') },
    dashboard: { port: 0 },
    grpc: { port: 0 },
    sources: { lines: { type: 'http', port } },
  };
  writeFileSync(path, stringify(config));
  return path;
}
