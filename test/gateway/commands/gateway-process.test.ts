import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type GatewayProcess, startGateway } from '../../../gateway/commands/gateway-process.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

/** A gateway without sources, and what it says. */
async function running(
  t: Test,
): Promise<{ gateway: GatewayProcess; onProblem: (listener: (text: string) => void) => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-gateway-'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  let told: (text: string) => void = () => {};
  const gateway = await startGateway(
    {
      gateway: {},
      store: {
        dir: join(folder, 'store'),
        commitFloorMs: 0,
        blockAgeSeconds: 60,
        retention: { diskShare: 0.8, centrals: [] },
        wear: { lifetimeYears: 5 },
      },
      dashboard: LOOPBACK,
      grpc: LOOPBACK,
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

t.test('each thread may die: it is said, it comes back on the same port, and the process lives', async (t) => {
  const { gateway, onProblem } = await running(t);
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
