import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { freePort } from '../../scenarios/free-port.ts';

export const NATS_SERVER = '/usr/sbin/nats-server';

/** Starts one `nats-server` with JetStream on loopback for a test, with more of its config; returns its port. */
export async function startNatsServer(t: Test, config: string): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-nats-'));
  const port = await freePort();
  const path = join(dir, 'nats.conf');
  writeFileSync(
    path,
    `listen: 127.0.0.1:${port}
jetstream { store_dir: "${dir}", max_mem: 64M, max_file: 4G }
${config}
`,
  );
  const child: ChildProcess = spawn(NATS_SERVER, ['-c', path], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  });
  return port;
}
