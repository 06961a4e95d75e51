/**
 * The serve thread: dashboard, HTTP, WebSocket and gRPC over read-only connections. However slow a query or a viewer is,
 * it costs the threads that take in and store samples nothing.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { startDashboard } from '../../dashboards/server/dashboard.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { BoxClock } from '../clock.ts';
import { StoreTelemetry } from '../query/store-telemetry.ts';
import { BlockReader } from '../store/block-reader.ts';
import { storePaths } from '../store/store-dir.ts';
import type { FromServe, ServeThreadData, ToServe } from './serve-messages.ts';

async function serve(port: MessagePort, data: ServeThreadData): Promise<void> {
  let { status, utcOffset } = data;
  const clock = new BoxClock(data.clock);
  const telemetry = StoreTelemetry.open(data.storeDir);
  const feed = BlockReader.openReadonly(storePaths(data.storeDir).blocks);
  const dashboard = await startDashboard({
    ...data.dashboard,
    telemetry,
    status: () => status,
    webRoot: data.webRoot,
    utcNow: () => clock.now() + utcOffset,
  });
  const server = await startTelemetryServer({ ...data.grpc, telemetry, feed, status: () => status });
  port.postMessage({ kind: 'listening', httpPort: dashboard.port, grpcPort: server.port } satisfies FromServe);

  port.on('message', (message: ToServe) => {
    if (message.kind === 'status') ({ status, utcOffset } = message);
    else void stop();
  });

  async function stop(): Promise<void> {
    port.close();
    dashboard.stop();
    await server.stop();
    telemetry.close();
    feed.close();
  }
}

if (parentPort !== null) await serve(parentPort, workerData as ServeThreadData);
