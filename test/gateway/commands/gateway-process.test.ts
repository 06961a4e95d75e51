import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type GatewayProcess, startGateway } from '../../../gateway/commands/gateway-process.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { freePort } from '../../free-port.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

interface Running {
  readonly gateway: GatewayProcess;
  readonly storeDir: string;
  readonly onProblem: (listener: (text: string) => void) => void;
}

/** A gateway without sources, and what it says. */
async function running(t: Test, dashboard = LOOPBACK, grpc = LOOPBACK): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-gateway-'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  const storeDir = join(folder, 'store');
  let told: (text: string) => void = () => {};
  const gateway = await startGateway(
    {
      gateway: {},
      store: {
        dir: storeDir,
        commitFloorMs: 0,
        blockAgeSeconds: 60,
        mergeBlocks: true,
        retention: { diskShare: 0.8, centrals: ['hq'] },
        wear: { lifetimeYears: 5 },
      },
      dashboard,
      grpc,
      sources: {},
    },
    { version: 'test', webRoot: folder, onProblem: (text) => told(text) },
  );
  t.teardown(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });
  return {
    gateway,
    storeDir,
    onProblem: (listener) => {
      told = listener;
    },
  };
}

t.test('tells its present to the moment, which is where the last seconds of a range end', async (t) => {
  const { gateway } = await running(t);
  const client = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
  t.teardown(() => client.close());
  for (let i = 0; i < 5; i += 1) {
    const before = Date.now() * 1e3;
    const { now } = await client.status();
    // The wall clock counts in milliseconds, and the gateway's clock is the wall clock of its start.
    t.ok(now >= before - 50_000 && now <= Date.now() * 1e3 + 50_000, `${((now - before) / 1e3).toFixed(0)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
});

t.test('what a central says it has, and what was written to the disk, is kept for the next run', async (t) => {
  const { gateway, storeDir } = await running(t);
  const client = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
  t.teardown(() => client.close());
  let feed = '';
  for await (const batch of client.pull({ feed: '', after: 0, follow: false })) feed = batch.feed;
  await client.acknowledge({ follower: 'stranger', feed, position: 1 });
  await client.acknowledge({ follower: 'hq', feed, position: 1 });
  // A round later all that the serve thread said before has reached the others.
  await client.status();
  await eventually(() => gateway.status().store.retention !== undefined);
  t.match(gateway.status().store.retention, { rung: 'none' });
  await gateway.stop();
  const blocks = BlockReader.openReadonly(storePaths(storeDir).blocks);
  t.teardown(() => blocks.close());
  t.equal(blocks.meta('acknowledged'), '{"hq":1}');
  t.match(JSON.parse(blocks.meta('wear') ?? ''), { since: Number, bytes: Number });
});

t.test('each thread may die: it is said, it comes back on the same port, and the process lives', async (t) => {
  // Ports that nobody else is given while they are not listened on.
  const [dashboard, grpc] = [await freePort(), await freePort()].map((port) => ({ host: '127.0.0.1', port }));
  const { gateway, onProblem } = await running(t, dashboard, grpc);
  const problems: string[] = [];
  for (const thread of ['serve', 'store'] as const) {
    const saidSo = new Promise<void>((resolve) => {
      onProblem((text) => {
        problems.push(text);
        resolve();
      });
    });
    await gateway.crashThread(thread);
    await saidSo;
    t.match(problems.splice(0), [new RegExp(`the ${thread} thread died: it .*; starting it again`)]);
    // What the store said of itself is replaced as a whole by what the new thread says.
    const { store } = gateway.status();
    await eventually(() => gateway.status().store !== store);
    await eventually(() => isServed(gateway));
    t.pass(`${thread} is back`);
  }
});

async function isServed({ httpPort }: GatewayProcess): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/healthz`).catch(() => undefined);
  return response?.ok === true;
}

/** Resolves when `holds`; the test's own time limit is what ends the wait otherwise. */
async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
