/**
 * The whole gateway at its reference load: one simulated car, some 25,000 samples a second over two SLCAN adapters, a
 * GNSS receiver and MQTT, in laps that are found and summed. Gateway and central are processes of their own as
 * `caisson demo` starts them; the car runs in this one. Central pulls, nobody watches the dashboard.
 *
 * After a warm-up the gateway is observed for a minute, long enough that every slow channel is sealed once: CPU time of
 * the process over wall time, the largest of one look a second at its resident memory, and the gateway's own account.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { stringify } from 'yaml';
import { carCycles, carSources } from '../../gateway/commands/car-sources.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { type Rig, startRig } from '../../hardware/simulated/rig.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { freePort } from '../free-port.ts';
import { CaissonProcess } from './caisson-process.ts';
import { atMost, type Findings, type Progress } from './figure.ts';
import { cpuSeconds, residentMiB, type ThreadTime, threadTimes } from './process-usage.ts';
import { median } from './statistics.ts';

const WARM_UP_S = 20;
const MEASURE_S = 60;

export async function runCar(progress: Progress): Promise<Findings> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const rig = await startRig({ cars: 1, seed: 1, faults: false });
    closers.push(() => rig.stop());
    const mqttPort = await freePort();
    const gateway = await CaissonProcess.start(
      ['run', writeConfig(folder, rig, mqttPort)],
      /gRPC (?<host>[\d.]+):(?<port>\d+)/,
    );
    closers.push(() => gateway.stop());
    const address = { host: gateway.ready.groups?.host ?? '', port: Number(gateway.ready.groups?.port) };
    const central = await CaissonProcess.start(
      [
        'central',
        ...['--data', join(folder, 'central')],
        ...['--listen', '127.0.0.1:0'],
        ...['--pull', `${address.host}:${address.port}`],
      ],
      /central answers/,
    );
    closers.push(() => central.stop());
    await rig.connectMqtt(`mqtt://127.0.0.1:${mqttPort}`);
    const client = new TelemetryClient(address);
    closers.push(() => client.close());
    progress(`warming up for ${WARM_UP_S} s`);
    await wait(WARM_UP_S * 1e3);
    return await measure(gateway.pid, client, rig, progress);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function measure(pid: number, client: TelemetryClient, rig: Rig, progress: Progress): Promise<Findings> {
  const before = { status: await client.status(), lost: lostOnWires(rig), threads: threadTimes(pid) };
  const cpuBefore = cpuSeconds(pid);
  const started = performance.now();
  const memory = [residentMiB(pid)];
  for (let second = 1; second <= MEASURE_S; second += 1) {
    await wait(Math.max(0, started + second * 1e3 - performance.now()));
    memory.push(residentMiB(pid));
    if (second % 10 === 0) progress(`${second} of ${MEASURE_S} s, ${memory.at(-1)?.all.toFixed(0)} MiB`);
  }
  const seconds = (performance.now() - started) / 1e3;
  const cpu = (cpuSeconds(pid) - cpuBefore) / seconds;
  const threads = threadTimes(pid);
  const status = await client.status();
  const taken = (status.store.samples - before.status.store.samples) / ((status.now - before.status.now) / 1e6);
  const all = memory.map((each) => each.all);
  return {
    figures: [
      {
        name: 'car_cpu_core',
        value: cpu,
        unit: 'cores',
        target: atMost(0.15),
        meaning: 'CPU time of the gateway process, user and system, over wall time',
      },
      {
        name: 'car_rss_mb',
        value: Math.max(...all),
        unit: 'MiB',
        target: atMost(250),
        meaning: 'most resident memory of the gateway process',
      },
      {
        name: 'car_samples_per_s',
        value: taken,
        unit: 'samples/s',
        meaning: 'made durable by the store',
      },
      {
        name: 'car_lost',
        value: lostBy(status) - lostBy(before.status) + lostOnWires(rig) - before.lost,
        unit: 'samples',
        target: atMost(0),
        meaning: 'refused, counted as lost by store or sources, or not read from a wire',
      },
      { name: 'car_commit_ms', value: status.store.commitMs, unit: 'ms', meaning: 'mean commit with its fsync' },
    ],
    notes: [
      `resident memory: median ${median(all).toFixed(0)} MiB, of it ${median(memory.map((each) => each.anonymous)).toFixed(0)} MiB backed by no file`,
      `not read from a wire since the start, before the gateway was up included: ${JSON.stringify(rig.cars.map(({ unheard }) => unheard))}`,
      'CPU by thread, cores; the threads of the store and of serving were started in this order, the rest is V8 and libuv:',
      ...threadShares(pid, before.threads, threads, seconds),
    ],
  };
}

function threadShares(
  pid: number,
  before: readonly ThreadTime[],
  after: readonly ThreadTime[],
  seconds: number,
): string[] {
  const earlier = new Map(before.map(({ id, seconds: used }) => [id, used]));
  return after
    .map(({ id, name, seconds: used }) => ({ id, name, share: (used - (earlier.get(id) ?? 0)) / seconds }))
    .filter(({ share }) => share >= 0.001)
    .map(({ id, name, share }) => `  ${share.toFixed(3)}  ${id === pid ? 'main' : name} (${id})`);
}

function lostBy({ ring, store, sources }: GatewayStatus): number {
  return ring.refused + store.lost + sources.reduce((sum, source) => sum + source.dropped, 0);
}

function lostOnWires(rig: Rig): number {
  return rig.cars.flatMap((car) => Object.values(car.unheard)).reduce((sum, count) => sum + count, 0);
}

function writeConfig(folder: string, rig: Rig, mqttPort: number): string {
  const path = join(folder, 'caisson.yaml');
  const config = {
    gateway: { id: 'bench' },
    store: { dir: join(folder, 'gateway') },
    dashboard: { port: 0 },
    grpc: { port: 0 },
    cycles: carCycles(rig),
    sources: { ...carSources(rig, folder, mqttPort), box: { type: 'health' } },
  };
  writeFileSync(path, stringify(config));
  return path;
}
