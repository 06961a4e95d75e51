/*
 * A process that measures what loopback carries, and nothing else: rates of a process that ran other benches before are those of its worn
 * heap. Started by `run-loopback.ts`.
 */
import process from 'node:process';
import { loopbackRates } from './sync-loopback.ts';

export interface LoopbackOrder {
  readonly packs: readonly Uint8Array[];
  readonly storeDir: string;
}

process.once('message', async ({ packs, storeDir }: LoopbackOrder) => {
  process.send?.(await loopbackRates(packs, storeDir));
  process.disconnect();
});
