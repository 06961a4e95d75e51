/*
 * A process that fills the journal of a store with samples that are in no block, says when they are durable, and then waits
 * to be killed. Started by `recovery-bench.ts`.
 */
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { BenchStore } from './bench-store.ts';
import { SensorSignal } from './sensor-signal.ts';

export interface UnsealedOrder {
  readonly dir: string;
  readonly channels: number;
  /** Samples of each channel; fewer than fill a block. */
  readonly samples: number;
}

/** First part of the names of its channels. */
export const UNSEALED_PREFIX = 'unsealed';

/** So that nothing is sealed for its age. */
const BLOCK_AGE_S = 86_400;

/** Samples between two looks for room. */
const BATCH = 500;
const FULL_WAIT_MS = 1;

async function fill({ dir, channels, samples }: UnsealedOrder): Promise<void> {
  const { intake, clock } = await new BenchStore(BLOCK_AGE_S, dir).open();
  const ids = Array.from(
    { length: channels },
    (_, n) => intake.channel({ name: `${UNSEALED_PREFIX}${n}`, source: 'bench' }).id,
  );
  const signal = new SensorSignal(1, clock.now());
  for (let sample = 0; sample < samples; sample += 1) {
    signal.next();
    for (let at = 0; at < ids.length; at += BATCH) {
      while (!intake.hasRoom(BATCH)) await wait(FULL_WAIT_MS);
      for (const id of ids.slice(at, at + BATCH)) {
        if (!intake.push(id, signal.time, signal.value + id))
          throw new Error('a sample was refused though there was room');
      }
      intake.publish();
    }
  }
  await intake.durable(intake.publish());
  process.send?.('durable');
}

process.once('message', (order: UnsealedOrder) => {
  void fill(order);
});
