import type { SampleSink } from '../../gateway/intake.ts';
import { type SampleBatch, STAMP_DEVICE } from './sample-batch.ts';
import { KIND_NUMBER, KIND_TEXT, sampleKind } from './sample-kind.ts';

/**
 * Pushes a batch into `sink`, runs of one channel as columns, and returns how many of its samples were taken. The batch is
 * used up: offsets to the arrival become times.
 * @param arrival box time of the message, microseconds, which the samples without a device's time are stamped by
 * @param unit that of the number channels which are made
 */
export function pushBatch(batch: SampleBatch, sink: SampleSink, arrival: number, unit: string, source: string): number {
  const { count, fields, kinds, stamps, times } = batch;
  let taken = 0;
  for (let from = 0; from < count; ) {
    const field = fields[from];
    const kind = kinds[from] ?? KIND_NUMBER;
    const stamp = stamps[from] === STAMP_DEVICE ? 'device' : 'arrival';
    let to = from + 1;
    while (to < count && fields[to] === field && kinds[to] === kind && stamps[to] === stamps[from]) to++;
    if (field !== undefined) {
      const { id, type } = field.channel(sink, sampleKind(kind), stamp, unit, source);
      if (stamp === 'arrival') for (let at = from; at < to; at++) times[at] = (times[at] ?? 0) + arrival;
      taken += type === 'text' ? pushTexts(batch, sink, id, from, to) : pushNumbers(batch, sink, id, from, to);
    }
    from = to;
  }
  return taken;
}

/** Places [from, to), all of one channel; one alone is cheaper by itself. */
function pushNumbers(
  { times, values }: SampleBatch,
  sink: SampleSink,
  channel: number,
  from: number,
  to: number,
): number {
  if (to - from > 1) return sink.pushColumns(channel, times, values, from, to);
  return sink.push(channel, times[from] ?? 0, values[from] ?? 0) ? 1 : 0;
}

function pushTexts(batch: SampleBatch, sink: SampleSink, channel: number, from: number, to: number): number {
  const { kinds, times, values, texts } = batch;
  let taken = 0;
  for (let at = from; at < to; at++) {
    const text = kinds[at] === KIND_TEXT ? (texts[at] ?? '') : String(values[at] ?? 0);
    if (sink.pushText(channel, times[at] ?? 0, text)) taken++;
  }
  return taken;
}
