import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type GatewayProcess, startGateway } from '../../../gateway/commands/gateway-process.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

t.test('each thread may die: it is said, it comes back on the same port, and the process lives', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-gateway-'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  const problems: string[] = [];
  let told: () => void = () => {};
  const gateway = await startGateway(
    {
      gateway: {},
      store: { dir: join(folder, 'store'), commitFloorMs: 0, blockAgeSeconds: 60 },
      dashboard: LOOPBACK,
      grpc: LOOPBACK,
      sources: {},
    },
    {
      version: 'test',
      webRoot: folder,
      onProblem: (text) => {
        problems.push(text);
        told();
      },
    },
  );
  t.teardown(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });
  for (const thread of ['serve', 'store'] as const) {
    const saidSo = new Promise<void>((resolve) => {
      told = resolve;
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
