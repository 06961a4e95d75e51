import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../gateway/commands/node-flags.ts';
import { freePort } from '../free-port.ts';

const LOOK_MS = 20;

const SCRIPT = join(import.meta.dirname, 'mqtt-broker-process.js');

/** A broker in a process of its own, on loopback. */
export interface BrokerProcess {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process has ended. */
  stop(): Promise<void>;
}

/** Ours, with its store in `dir`, which must be there and empty. */
export async function startOurs(dir: string): Promise<BrokerProcess> {
  const child = fork(SCRIPT, { execArgv: [...NODE_FLAGS], env: { ...process.env, ...NODE_ENVIRONMENT } });
  const ready = once(child, 'message') as Promise<[number]>;
  child.send(dir);
  const [port] = await ready;
  return { pid: child.pid ?? 0, port, stop: () => ended(child, () => child.disconnect()) };
}

/** Debian's mosquitto without persistence, and with no limit of what is in flight. */
export async function startMosquitto(): Promise<BrokerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'mosquitto-'));
  const port = await freePort();
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence false',
    'set_tcp_nodelay true',
    'max_inflight_messages 0',
    'max_queued_messages 0',
    'sys_interval 0',
    'log_type none',
  ];
  writeFileSync(join(folder, 'mosquitto.conf'), lines.join('\n'));
  const child = spawn('/usr/sbin/mosquitto', ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' });
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`);
    await wait(LOOK_MS);
  }
  const stop = async () => {
    await ended(child, () => child.kill());
    rmSync(folder, { recursive: true, force: true });
  };
  return { pid: child.pid ?? 0, port, stop };
}

async function ended(child: ChildProcess, end: () => void): Promise<void> {
  const exited = once(child, 'exit');
  end();
  await exited;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
