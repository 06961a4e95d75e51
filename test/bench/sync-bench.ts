/**
 * Blocks on the wire. A store is served as a gateway serves it, and a central pulls it over a shaped link of 5 Mbit/s and 20 ms, each
 * into a store of its own; it must hold every sample, bit by bit, before a figure counts. Bytes on the wire are those of both
 * directions over TCP, without headers of TCP and IP.
 *
 * - Ten laps of a minute of the RAV4: overhead and bytes a sample, definitions of its 726 channels included; over bytes a sample of
 *   one lap as InfluxDB line protocol with gzip, nanoseconds, a line for each sample, in requests of 5,000 lines as the clients of
 *   InfluxDB send them.
 * - One lap of 90 s of the simulated car.
 * - Packs of that lap over loopback, and messages of gRPC alone beside them, in turns, by CPU time, in a process of their own.
 * - A thousand boxes that come back at once at a central that starts.
 * - What central over PostgreSQL takes in, against a row a sample (`central-ingest.ts`).
 * - Use of lines of 1, 5 and 20 Mbit/s at 20 and 200 ms, by the packs of that lap again and again, behind a warm-up.
 */
import { gzipSync } from 'node:zlib';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { Keeper } from '../../sync/central/keeper.ts';
import { SqliteStore } from '../../sync/central/sqlite-store.ts';
import { PullLine } from '../../sync/line/pull-line.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { ShapedLink } from '../sync/shaped-link.ts';
import { waitFor } from '../wait-for.ts';
import { BENCH_GATEWAY, BenchStore } from './bench-store.ts';
import { measureIngest } from './central-ingest.ts';
import type { Drive } from './drive.ts';
import { requireSame } from './drive-check.ts';
import { DriveFeed } from './drive-feed.ts';
import { atLeast, atMost, type Findings, type Progress } from './figure.ts';
import { simulateGrid } from './grid-drive.ts';
import { decodeRav4 } from './recorded-drive.ts';
import { runLoopback } from './run-loopback.ts';
import { measureFidelity } from './sync-fidelity.ts';
import { linkUse } from './sync-line.ts';
import type { LoopbackRates } from './sync-loopback.ts';
import { measureStorm } from './sync-storm.ts';

const RECORDED_LAPS = 10;
const LAP_S = 90;
const LINE = { downBitsPerS: 5e6, roundTripMs: 20 };
const PULL_MAX_MS = 300_000;
const REQUEST_LINES = 5_000;
const WARM_UP_S = 5;
const MEASURE_S = 10;

/** What one pass over the wire took. */
interface Passage {
  readonly wireBytes: number;
  readonly blockBytes: number;
  readonly packs: readonly Uint8Array[];
}

export async function runSync(progress: Progress): Promise<Findings> {
  const rav4 = await decodeRav4();
  progress(`${rav4.times.length * RECORDED_LAPS} recorded samples over the wire`);
  const recorded = await pass(rav4, RECORDED_LAPS);
  const perSample = recorded.wireBytes / (rav4.times.length * RECORDED_LAPS);
  progress('the same as line protocol');
  const linesPerSample = lineProtocolBytes(rav4) / rav4.times.length;
  progress('a lap of the simulated car');
  const lap = await pass(await simulateGrid(1, LAP_S), 1);
  const uses = await measureUses(lap.packs, progress);
  const fidelity = await measureFidelity(progress);
  progress('blocks over loopback');
  const loopback = await measureLoopback(lap.packs);
  const storm = await measureStorm(progress);
  progress('central over PostgreSQL');
  const ingest = await measureIngest(progress);
  return {
    figures: [
      {
        name: 'wire_overhead',
        value: recorded.wireBytes / recorded.blockBytes,
        unit: '',
        target: atMost(1.02),
        meaning: 'bytes on the wire, both ways, over those of the packs, recorded data',
      },
      {
        name: 'wire_bytes_per_sample',
        value: perSample,
        unit: 'B',
        meaning: 'on the wire, both ways',
      },
      {
        name: 'ratio_line_protocol',
        value: perSample / linesPerSample,
        unit: '',
        target: atMost(1 / 8),
        meaning: 'the same over line protocol with gzip, of one lap',
      },
      {
        name: 'lap_mb',
        value: lap.wireBytes / 1e6,
        unit: 'MB',
        target: atMost(2.7),
        meaning: `a lap of ${LAP_S} s of the simulated car on the wire`,
      },
      {
        name: 'link_use',
        value: Math.min(...uses.map(({ use }) => use)),
        unit: '',
        target: atLeast(0.95),
        meaning: 'least of the lines: bits that arrive over those that it carries, while a backlog drains',
      },
      {
        name: 'loopback_mb_per_s',
        value: loopback.blocks,
        unit: 'MB/s',
        target: atLeast(400),
        meaning: 'packs pulled over loopback for a second of CPU time, of both ends together, before they are kept',
      },
      {
        name: 'loopback_grpc_mb_per_s',
        value: loopback.bare,
        unit: 'MB/s',
        meaning: 'the same of messages of 256 KiB of gRPC alone, which nobody looks at: what the first can be at most',
      },
      ...fidelity.figures,
      ...storm.figures,
      ...ingest,
    ],
    notes: [
      ...uses.map(({ megabits, roundTripMs, use }) => `${megabits} Mbit/s, ${roundTripMs} ms: ${use.toFixed(3)}`),
      ...(fidelity.notes ?? []),
      ...(storm.notes ?? []),
    ],
  };
}

async function measureLoopback(packs: readonly Uint8Array[]): Promise<LoopbackRates> {
  const store = new BenchStore();
  try {
    return await runLoopback({ packs, storeDir: store.dir });
  } finally {
    store.dispose();
  }
}

async function measureUses(packs: readonly Uint8Array[], progress: Progress) {
  const store = new BenchStore();
  try {
    const uses: { megabits: number; roundTripMs: number; use: number }[] = [];
    for (const megabits of [1, 5, 20]) {
      for (const roundTripMs of [20, 200]) {
        const times = { warmUpS: WARM_UP_S, measureS: MEASURE_S };
        const use = await linkUse(packs, store.dir, { megabits, roundTripMs }, times);
        progress(`${megabits} Mbit/s, ${roundTripMs} ms: ${use.toFixed(3)} in use`);
        uses.push({ megabits, roundTripMs, use });
      }
    }
    return uses;
  } finally {
    store.dispose();
  }
}

/** Takes laps of a drive from the store of a gateway to that of a central, and compares. */
async function pass(drive: Drive, laps: number): Promise<Passage> {
  const [gateway, central] = [new BenchStore(), new BenchStore()];
  const closers: (() => unknown)[] = [() => gateway.dispose(), () => central.dispose()];
  try {
    const host = await gateway.open();
    await new DriveFeed(drive, host.intake).laps(laps);
    await host.stop();
    await gateway.sealRest();
    const feed = BlockReader.openReadonly(storePaths(gateway.dir).blocks);
    closers.push(() => feed.close());
    const server = await startTelemetryServer({
      ...{ host: '127.0.0.1', port: 0, telemetry: new MemoryTelemetry(), feed, storeDir: gateway.dir },
      status: () => exampleStatus(BENCH_GATEWAY),
    });
    closers.push(() => server.stop());
    const link = await ShapedLink.start(server.port, LINE);
    closers.push(() => link.stop());
    const db = BlockDb.open(storePaths(central.dir).blocks);
    closers.push(() => db.close());
    const line = new PullLine({
      follower: 'bench',
      ways: [{ name: '', connect: () => new TelemetryClient({ host: '127.0.0.1', port: link.port }) }],
      sink: new Keeper(new SqliteStore(db)),
      // What they take of a backlog is told beside the figures.
      outlines: false,
    });
    closers.push(() => line.stop());
    line.start();
    await waitFor('central has everything', () => line.health().complete, PULL_MAX_MS);
    const wireBytes = link.down.bytes + link.up.bytes;
    const telemetry = StoreTelemetry.open(central.dir);
    closers.push(() => telemetry.close());
    requireSame(telemetry, drive, laps);
    const packs = feed.feed(0, 1e6, 1e9).flatMap((item) => (item.kind === 'pack' ? [item.bytes] : []));
    return { wireBytes, blockBytes: packs.reduce((sum, { length }) => sum + length, 0), packs };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function lineProtocolBytes({ specs, channels, times, values }: Drive): number {
  const names = specs.map(({ name }) => name.replace(/[, =]/g, '\\$&'));
  let bytes = 0;
  for (let from = 0; from < times.length; from += REQUEST_LINES) {
    const lines: string[] = [];
    for (let i = from; i < Math.min(from + REQUEST_LINES, times.length); i += 1) {
      lines.push(`${names[channels[i] as number]} value=${values[i]} ${times[i]}000`);
    }
    bytes += gzipSync(lines.join('\n')).length;
  }
  return bytes;
}
