import { CaissonError, type ErrorCode } from '../../gateway/errors.ts';
import type { PullBatch } from '../api/pull-batch.ts';
import { BackOff } from '../line/back-off.ts';
import type { Peer, PullSink } from '../line/pull-line.ts';
import { type Sleep, sleep } from '../line/sleep.ts';

/** Failures without an item in between. Beyond: the last one is thrown. */
const FAILURES_MAX = 5;

/** What may be different a moment later, beside what says so itself. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['central-unreachable', 'gateway-held']);

export interface PullAllParts {
  readonly peer: Peer;
  readonly sink: PullSink;
  /** The feed from a place on to its end; called anew after a cut. */
  readonly pull: (place: { readonly feed: string; readonly after: number }) => AsyncIterable<PullBatch>;
  readonly signal: AbortSignal;
  readonly sleep?: Sleep;
  /** Told of the samples that were new so far. */
  readonly onProgress?: (samples: number) => void;
}

/**
 * Pulls a feed once, from where the sink stands to its end, and goes on after cuts with bounded back-off. Returns the number of new
 * samples.
 * @throws CaissonError what the other end says, or of an item that is not what it should be; `central-unreachable` when it was stopped
 */
export async function pullAll(parts: PullAllParts): Promise<number> {
  const { peer, sink, signal } = parts;
  const backOff = new BackOff();
  let [samples, failures] = [0, 0];
  for (;;) {
    try {
      for await (const batch of parts.pull(await sink.resume(peer))) {
        if (signal.aborted) throw new CaissonError('central-unreachable', 'it was stopped before it had everything');
        const kept = await sink.keep(peer, batch);
        if (kept.refusal !== undefined) throw kept.refusal.error;
        samples += kept.samples;
        parts.onProgress?.(samples);
        if (batch.items.length > 0) {
          failures = 0;
          backOff.reset();
        }
        if (batch.complete) return samples;
      }
      throw new CaissonError('central-unreachable', 'the other end closed the connection before the end of its feed');
    } catch (error) {
      failures += 1;
      const isPassing = error instanceof CaissonError && (error.retryable || PASSING.has(error.code));
      if (!isPassing || signal.aborted || failures >= FAILURES_MAX) throw error;
      await (parts.sleep ?? sleep)(backOff.next(), signal);
    }
  }
}
