import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import type { Samples, StoredChannel } from '../../gateway/query/telemetry.ts';
import { runAt, STREAM, type StreamChannel, samplesUpTo, timeOf } from './sample-stream.ts';

/** Faults told one by one; of the others only their number is. */
const FAULTS_MAX = 20;

/** What a store holds of the stream, held against what was acknowledged. */
export interface Account {
  /** Samples of the stream that are there. */
  readonly kept: number;
  /** Samples counted as lost. */
  readonly lost: number;
  /** Sentences about what should not be; none where all is well. */
  readonly faults: readonly string[];
}

/**
 * Reads a whole store and accounts for every sample of the stream: each run is there from its beginning, every sample once
 * and with its own time and value, at least up to the last batch that was acknowledged; and taken in = kept + lost.
 *
 * @param acked of each run the last batch acknowledged, -1 where none was
 */
export function accountOf(dir: string, acked: readonly number[]): Account {
  const faults: string[] = [];
  const telemetry = StoreTelemetry.open(dir, (text) => faults.push(`problem: ${text}`));
  try {
    const known = new Map(telemetry.channels().map((channel) => [channel.name, channel]));
    const ledger = new Map(telemetry.ledger().map((line) => [line.channel, line]));
    const sums = { kept: 0, lost: 0 };
    for (const channel of STREAM) {
      const { name } = channel.spec;
      const stored = known.get(name);
      const say = (fault: string) => faults.push(`${name}: ${fault}`);
      const runs = stored === undefined ? [] : countRuns(telemetry.raw(stored.id, 0, 2e15), channel, say);
      for (const [run, batch] of acked.entries()) {
        const missing = samplesUpTo(channel, batch) - (runs[run] ?? 0);
        if (missing > 0)
          say(`of run ${run}, acknowledged up to batch ${batch}, the last ${missing} samples are missing`);
      }
      if (runs.length > acked.length) say(`samples of run ${runs.length - 1}, which was not yet`);
      const kept = runs.reduce((sum, count) => sum + count, 0);
      const line = stored === undefined ? undefined : ledger.get(stored.id);
      const { taken, lost } = line ?? { taken: 0, lost: 0 };
      if (taken !== kept + lost || (line?.kept ?? 0) !== kept) {
        say(`taken in ${taken}, kept ${line?.kept ?? 0}, lost ${lost} in the ledger; ${kept} are there`);
      }
      // Its losses are published with the samples they are between, so only the last of a run may differ.
      const lostLeast = channel.hasLosses ? kept - acked.length : 0;
      const lostMost = channel.hasLosses ? kept : 0;
      if (lost < lostLeast || lost > lostMost) say(`${lost} counted as lost, expected ${lostLeast} to ${lostMost}`);
      if (stored !== undefined) checkEnvelope(telemetry, stored, kept, say);
      sums.kept += kept;
      sums.lost += lost;
    }
    const more = faults.length - FAULTS_MAX;
    return { ...sums, faults: more > 0 ? [...faults.slice(0, FAULTS_MAX), `and ${more} more faults`] : faults };
  } finally {
    telemetry.close();
  }
}

/** Samples of each run, all found to be what the stream has at their place. */
function countRuns(pieces: Iterable<Samples>, channel: StreamChannel, say: (fault: string) => void): number[] {
  const counts: number[] = [];
  for (const { times, values } of pieces) {
    for (const [i, time] of times.entries()) {
      const run = runAt(time);
      while (counts.length <= run) counts.push(0);
      const index = counts[run] ?? 0;
      counts[run] = index + 1;
      const value = values[i];
      if (time === timeOf(channel, run, index) && Object.is(value, channel.value(run, index))) continue;
      const expected = `${channel.value(run, index)} at ${timeOf(channel, run, index)}`;
      say(`sample ${index} of run ${run} is ${value} at ${time}, expected ${expected}`);
      return counts;
    }
  }
  return counts;
}

function checkEnvelope(
  telemetry: StoreTelemetry,
  { id, type }: StoredChannel,
  kept: number,
  say: (fault: string) => void,
): void {
  if (type === 'text') return;
  const [count] = telemetry.envelope(id, 0, 2e15, 1).count;
  if (count !== kept) say(`the envelope counts ${count} samples, ${kept} are there`);
}
