/**
 * How soon a gateway takes in again. A store of 10 GB of blocks (`large-store.ts`; CAISSON_BENCH_STORE_GB asks for another
 * size; what cannot be made in two and a half minutes the next run adds, and start_store_gb says how far it is) gets 10 million samples of 5,000 channels that are in its journal and in no block, by a process that is
 * killed when they are durable. Then `caisson run` is started on it with an MQTT broker and nothing else, and a client that
 * knocks all the while publishes a sample with QoS 1. The time is from the start of the process to the PUBACK: Node's own
 * start, recovery, the first commit and its fsync are in it. Before each round what was left unsealed is sealed.
 *
 * start_s: the files of the store are not in the page cache, as after a power cut; start_warm_s: they are, as after a crash
 * of the process. Medians of the rounds. In the end the ledger must have kept every sample and lost none.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import mqtt from 'mqtt';
import { stringify } from 'yaml';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../gateway/commands/node-flags.ts';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { freePort } from '../free-port.ts';
import { BENCH_GATEWAY, BenchStore } from './bench-store.ts';
import { CaissonProcess } from './caisson-process.ts';
import { atLeast, atMost, type Findings, type Progress } from './figure.ts';
import { type LargeStore, largeStore } from './large-store.ts';
import { median, rounds } from './statistics.ts';
import { UNSEALED_PREFIX, type UnsealedOrder } from './unsealed-process.ts';

const STORE_GB = 10;
const UNSEALED = 10_000_000;
const CHANNELS = 5000;
const ROUNDS = 3;

/** How long one run may add to the store, seconds. */
const MAKE_S = 150;

/** Topic and channel of the first sample that a gateway takes in. */
const FIRST = 'first';

/** How long the client waits after it was refused, milliseconds: it adds that much at the most. */
const KNOCK_INTERVAL_MS = 10;

/** No block is sealed for its age while it is measured. */
const BLOCK_AGE_S = 86_400;

export async function runRecovery(progress: Progress): Promise<Findings> {
  const gigabytes = Number(process.env.CAISSON_BENCH_STORE_GB ?? STORE_GB);
  if (!(gigabytes > 0)) throw new Error(`CAISSON_BENCH_STORE_GB is ${process.env.CAISSON_BENCH_STORE_GB}, not a size`);
  const store = await largeStore(gigabytes * 1e9, MAKE_S, progress);
  await sealRest(store);
  const before = account(store);
  const cold = await rounds(ROUNDS, () => startOnce(store, true, progress));
  const warm = await rounds(ROUNDS, () => startOnce(store, false, progress));
  await sealRest(store);
  const fed = (cold.length + warm.length) * (UNSEALED + 1);
  const after = account(store);
  if (after.kept - before.kept !== fed || after.lost !== before.lost) {
    throw new Error(`${fed} samples fed, ${after.kept - before.kept} kept, ${after.lost - before.lost} lost`);
  }
  const size = `${(store.bytes / 1e9).toFixed(1)} GB of blocks and ${UNSEALED.toLocaleString('en-US')} unsealed samples`;
  return {
    figures: [
      {
        name: 'start_s',
        value: median(cold),
        unit: 's',
        target: atMost(3),
        meaning: `from the start of the process to the first PUBACK, ${size}, nothing of them in the page cache`,
      },
      { name: 'start_warm_s', value: median(warm), unit: 's', meaning: 'the same, after a kill: page cache as it was' },
      {
        name: 'start_store_gb',
        value: store.bytes / 1e9,
        unit: 'GB',
        target: atLeast(STORE_GB),
        meaning: 'of the store on which that was measured, without its journal',
      },
    ],
    notes: [
      ...(store.bytes < STORE_GB * 1e9
        ? [`the store is smaller than the ${STORE_GB} GB that are asked for: a further run makes it larger`]
        : []),
      `each start: ${[...cold, ...warm].map((seconds) => seconds.toFixed(2)).join(', ')} s`,
      'every sample is kept by the ledger, none lost',
    ],
  };
}

/** Seconds from the start of a gateway to its first PUBACK. */
async function startOnce(store: LargeStore, isCold: boolean, progress: Progress): Promise<number> {
  await sealRest(store);
  await fillJournal(store);
  if (isCold) dropFromPageCache(store.dir);
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  const port = await freePort();
  const config = writeConfig(folder, store, port);
  const started = performance.now();
  const running = CaissonProcess.start(['run', config], /gRPC/);
  const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: KNOCK_INTERVAL_MS });
  try {
    // Refused until the broker listens; then what was published meanwhile is sent.
    client.on('error', () => {});
    const acknowledged = client.publishAsync(FIRST, '1', { qos: 1 }).then(() => (performance.now() - started) / 1e3);
    const [gateway, seconds] = await Promise.all([running, acknowledged]);
    progress(`${isCold ? 'cold' : 'warm'}: ${seconds.toFixed(2)} s`);
    await gateway.stop();
    return seconds;
  } finally {
    client.end(true);
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeConfig(folder: string, { dir }: LargeStore, port: number): string {
  const path = join(folder, 'caisson.yaml');
  const config = {
    gateway: { id: BENCH_GATEWAY },
    store: { dir, blockAgeSeconds: BLOCK_AGE_S },
    dashboard: { port: 0 },
    grpc: { port: 0 },
    sources: { mqtt: { type: 'mqtt', port } },
  };
  writeFileSync(path, stringify(config));
  return path;
}

/** Lets a process put the samples into the journal, and kills it. */
async function fillJournal({ dir }: LargeStore): Promise<void> {
  const child = fork(join(import.meta.dirname, 'unsealed-process.js'), {
    execArgv: [...NODE_FLAGS],
    env: { ...process.env, ...NODE_ENVIRONMENT },
  });
  const ended = once(child, 'close');
  const order: UnsealedOrder = {
    dir,
    channels: CHANNELS,
    samples: UNSEALED / CHANNELS,
  };
  child.send(order);
  const failed = ended.then(([code, signal]) => {
    throw new Error(`the process that fills the journal ended (${signal ?? code})`);
  });
  await Promise.race([once(child, 'message'), failed]);
  child.kill('SIGKILL');
  await ended;
}

function sealRest({ dir }: LargeStore): Promise<void> {
  return new BenchStore(BLOCK_AGE_S, dir).sealRest();
}

/** Writes out what is dirty and asks the kernel to forget the pages of every file: `dd` does it with posix_fadvise. */
function dropFromPageCache(dir: string): void {
  execFileSync('sync');
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    execFileSync('dd', [`if=${join(entry.parentPath, entry.name)}`, 'iflag=nocache', 'count=0', 'status=none']);
  }
}

/** Of the channels that are fed here; a gateway has some of its own. */
function account({ dir }: LargeStore): { kept: number; lost: number } {
  const telemetry = StoreTelemetry.open(dir);
  try {
    const fed = new Set(
      telemetry.channels().flatMap(({ id, name }) => (name === FIRST || name.startsWith(UNSEALED_PREFIX) ? [id] : [])),
    );
    return telemetry
      .ledger()
      .filter(({ channel }) => fed.has(channel))
      .reduce((sum, { kept, lost }) => ({ kept: sum.kept + kept, lost: sum.lost + lost }), { kept: 0, lost: 0 });
  } finally {
    telemetry.close();
  }
}
