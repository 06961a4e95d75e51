/** The consuming end of the ring bench, a thread: takes samples until it has `samples`, then says what they added up to. */
import { parentPort, workerData } from 'node:worker_threads';
import { type RingMemory, RingReader } from '../../gateway/ring.ts';
import { SummingSink } from './summing-sink.ts';

export interface RingConsumerData {
  readonly memory: RingMemory;
  readonly samples: number;
}

/** First `ready`, then what was read. */
export type FromRingConsumer = 'ready' | { readonly count: number; readonly sum: number };

const SLEEP_MS = 100;

if (parentPort !== null) {
  const port = parentPort;
  const { memory, samples } = workerData as RingConsumerData;
  const ring = new RingReader(memory);
  const sink = new SummingSink();
  port.postMessage('ready' satisfies FromRingConsumer);
  while (sink.count < samples) {
    const bell = ring.bell();
    const available = ring.available();
    if (available === 0) {
      ring.sleep(bell, SLEEP_MS);
      continue;
    }
    ring.drain(available, sink);
    ring.release();
  }
  port.postMessage({ count: sink.count, sum: sink.sum } satisfies FromRingConsumer);
}
