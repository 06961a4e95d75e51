import type { ClientReadableStream } from '@grpc/grpc-js';
import { decodeLiveValue, type LiveValue } from '../fanout/live-update.ts';
import { DEADLINES } from './deadlines.ts';
import { LatestValues } from './latest-values.ts';
import type { LiveUpdateMessage } from './live-messages.ts';

/**
 * Values of a subscription as they change, merged while the loop is busy: a slow loop sees the latest of each channel, never old ones one
 * after the other. Ends when the call does, the loop is left or `signal` is aborted; throws what ends the call, as gRPC has it.
 * @param late what to throw where nothing comes in time
 */
export async function* latestOf(
  call: ClientReadableStream<LiveUpdateMessage>,
  late: (waitedMs: number) => Error,
  signal?: AbortSignal,
): AsyncGenerator<LiveValue[], void, undefined> {
  const latest = new LatestValues();
  let ended: { error?: unknown } | undefined;
  let wake: (() => void) | undefined;
  const end = (outcome: { error?: unknown }) => {
    ended ??= outcome;
    wake?.();
  };
  const cancel = () => call.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  const { firstMs } = DEADLINES.Subscribe;
  const overdue = setTimeout(() => end({ error: late(firstMs) }), firstMs);
  call.once('data', () => clearTimeout(overdue));
  call.on('data', ({ values }: LiveUpdateMessage) => {
    for (const each of values) {
      const { channel, time, value } = decodeLiveValue(each);
      latest.offer(channel, time, value);
    }
    wake?.();
  });
  call.on('error', (error) => end({ error }));
  call.on('end', () => end({}));
  try {
    if (signal?.aborted) cancel();
    for (;;) {
      if (latest.changes > 0) yield latest.take();
      else if (ended !== undefined) break;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    const { error } = ended;
    if (error !== undefined && signal?.aborted !== true) throw error;
  } finally {
    clearTimeout(overdue);
    signal?.removeEventListener('abort', cancel);
    call.cancel();
  }
}
