import type { SampleSink } from '../../gateway/intake.ts';
import type { Field } from './field.ts';
import { type SampleBatch, STAMP_DEVICE } from './sample-batch.ts';
import { KIND_NUMBER, KIND_TEXT, sampleKind } from './sample-kind.ts';

/**
 * Pushes a batch into `sink` and returns how many of its samples were taken.
 * @param arrival box time of the message, microseconds, which the samples without a device's time are stamped by
 * @param unit that of the number channels which are made
 */
export function pushBatch(batch: SampleBatch, sink: SampleSink, arrival: number, unit: string, source: string): number {
  const { count, fields, kinds, stamps, times, values, texts } = batch;
  let taken = 0;
  let channelId = 0;
  let isText = false;
  let run: Field | undefined;
  let kind = -1;
  let stamp = -1;
  for (let at = 0; at < count; at++) {
    const field = fields[at];
    if (field === undefined) continue;
    if (field !== run || kinds[at] !== kind || stamps[at] !== stamp) {
      run = field;
      kind = kinds[at] ?? KIND_NUMBER;
      stamp = stamps[at] ?? 0;
      const channel = field.channel(
        sink,
        sampleKind(kind),
        stamp === STAMP_DEVICE ? 'device' : 'arrival',
        unit,
        source,
      );
      channelId = channel.id;
      isText = channel.type === 'text';
    }
    const time = (times[at] ?? 0) + (stamp === STAMP_DEVICE ? 0 : arrival);
    const value = values[at] ?? 0;
    const ok = isText
      ? sink.pushText(channelId, time, kind === KIND_TEXT ? (texts[at] ?? '') : String(value))
      : sink.push(channelId, time, value);
    if (ok) taken++;
  }
  return taken;
}
