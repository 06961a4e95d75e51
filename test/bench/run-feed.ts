import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../gateway/commands/node-flags.ts';
import type { FeedOrder, FeedResult } from './feed-process.ts';

const SCRIPT = join(import.meta.dirname, 'feed-process.js');

/** Feeds a store in a process of its own, started as a gateway is; rejects when it ends without a result. */
export async function runFeed(order: FeedOrder): Promise<FeedResult> {
  const child = fork(SCRIPT, {
    execArgv: [...NODE_FLAGS],
    env: { ...process.env, ...NODE_ENVIRONMENT },
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    throw new Error(`the process that feeds the store ended (${signal ?? code}) before it had a result`);
  });
  const result = once(child, 'message') as Promise<[FeedResult]>;
  child.send(order);
  const [found] = await Promise.race([result, ended]);
  await once(child, 'close').catch(() => {});
  return found;
}
