import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../gateway/commands/node-flags.ts';
import type { LoopbackOrder } from './loopback-process.ts';
import type { LoopbackRates } from './sync-loopback.ts';

const SCRIPT = join(import.meta.dirname, 'loopback-process.js');

/** Measures loopback in a process of its own, started as a gateway is; rejects when it ends without a result. */
export async function runLoopback(order: LoopbackOrder): Promise<LoopbackRates> {
  const child = fork(SCRIPT, {
    execArgv: [...NODE_FLAGS],
    env: { ...process.env, ...NODE_ENVIRONMENT },
    serialization: 'advanced',
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    throw new Error(`the process that measures loopback ended (${signal ?? code}) before it had a result`);
  });
  const result = once(child, 'message') as Promise<[LoopbackRates]>;
  child.send(order);
  const [found] = await Promise.race([result, ended]);
  await once(child, 'close').catch(() => {});
  return found;
}
