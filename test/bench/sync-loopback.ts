import process from 'node:process';
import { Client, credentials, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { TelemetryClient } from '../../sync/api/client.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { LoopLag } from '../../sync/line/loop-lag.ts';
import { Pacer } from '../../sync/line/pacer.ts';
import { PackAssembly } from '../../sync/line/pack-assembly.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { median } from './statistics.ts';
import { endlessFeed } from './sync-line.ts';

const ROUNDS = 5;
const ROUND_MS = 1_500;
const WARM_UP_MS = 1_000;
const MESSAGE_BYTES = 256 * 1024;
const HOST = '127.0.0.1';

/** What loopback carries for one second of CPU time, both ends together, MB. */
export interface LoopbackRates {
  /** Blocks, as a transfer brings them, whole. */
  readonly blocks: number;
  /** Messages of 256 KiB of gRPC alone, as bytes that nobody looks at. */
  readonly bare: number;
}

/** Takes bytes for a while; returns how many came. */
type Flow = (untilMs: number) => Promise<number>;

/** Both flows in turns, so that whatever else the machine does meets both. */
export async function loopbackRates(packs: readonly Uint8Array[], storeDir: string): Promise<LoopbackRates> {
  const flows = [await blockFlow(packs, storeDir), await bareFlow()];
  const rates: number[][] = [[], []];
  try {
    for (const { flow } of flows) await flow(WARM_UP_MS);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [i, { flow }] of flows.entries()) rates[i]?.push(await rateOf(flow));
    }
  } finally {
    for (const { stop } of flows) await stop();
  }
  const [blocks = [], bare = []] = rates;
  return { blocks: median(blocks), bare: median(bare) };
}

async function rateOf(flow: Flow): Promise<number> {
  const before = process.cpuUsage();
  const bytes = await flow(ROUND_MS);
  const { user, system } = process.cpuUsage(before);
  return bytes / (user + system);
}

async function blockFlow(packs: readonly Uint8Array[], storeDir: string) {
  const status = () => exampleStatus();
  const served = { telemetry: new MemoryTelemetry(), feed: endlessFeed(packs), storeDir, status };
  const server = await startTelemetryServer({ ...served, host: HOST, port: 0 });
  const client = new TelemetryClient({ host: HOST, port: server.port });
  const lag = new LoopLag();
  lag.start();
  const flow: Flow = async (untilMs) => {
    const end = performance.now() + untilMs;
    const opening = { feed: 'bench', after: 0, pacer: new Pacer(), lag, assembly: new PackAssembly() };
    let bytes = 0;
    for await (const { items } of client.transfer(opening)) {
      for (const item of items) if (item.kind === 'pack') bytes += item.bytes.length;
      if (performance.now() >= end) break;
    }
    return bytes;
  };
  const stop = async () => {
    lag.stop();
    client.close();
    await server.stop();
  };
  return { flow, stop };
}

const BARE = { path: '/bench.Bare/Read', requestStream: false, responseStream: true } as const;
const AS_IT_IS = (bytes: Buffer) => bytes;

async function bareFlow() {
  const server = new Server();
  const message = Buffer.alloc(MESSAGE_BYTES, 0xa5);
  const serialize = { requestSerialize: AS_IT_IS, responseSerialize: AS_IT_IS };
  const deserialize = { requestDeserialize: AS_IT_IS, responseDeserialize: AS_IT_IS };
  server.addService(
    { Read: { ...BARE, ...serialize, ...deserialize } },
    {
      Read: (call: ServerWritableStream<Buffer, Buffer>) => {
        const write = () => {
          while (!call.cancelled && call.write(message));
        };
        call.on('drain', write);
        write();
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${HOST}:0`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const client = new Client(`${HOST}:${port}`, credentials.createInsecure(), {
    'grpc-node.flow_control_window': 4 << 20,
  });
  const flow: Flow = (untilMs) => {
    const end = performance.now() + untilMs;
    const call = client.makeServerStreamRequest(BARE.path, AS_IT_IS, AS_IT_IS, Buffer.alloc(0));
    return new Promise((resolve) => {
      let bytes = 0;
      call.on('error', () => {});
      call.on('data', (read: Buffer) => {
        bytes += read.length;
        if (performance.now() < end) return;
        call.cancel();
        resolve(bytes);
      });
    });
  };
  const stop = () => {
    client.close();
    server.forceShutdown();
  };
  return { flow, stop };
}
