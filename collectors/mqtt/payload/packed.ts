import type { Field } from '../../payload/field.ts';
import type { SampleBatch } from '../../payload/sample-batch.ts';
import { KIND_BOOL, KIND_NUMBER } from '../../payload/sample-kind.ts';
import { decodePackedFrame, lastOffsetUs, PACKED_I16_GAP, type PackedChannel } from '../packed-frame.ts';

/**
 * Reads a packed frame into samples (PF-3). Without a base time the latest sample lies at the moment of arrival.
 * @throws PayloadError `packed-invalid`, `too-many-samples`
 */
export function readPacked(payload: Uint8Array, root: Field, batch: SampleBatch): void {
  const frame = decodePackedFrame(payload);
  const device = frame.baseTimeUs !== 0;
  const base = device ? frame.baseTimeUs : -lastOffsetUs(frame);
  batch.stamp = device ? 'device' : 'arrival';
  for (const channel of frame.channels) readRun(channel, root.child(channel.name), base, batch);
}

function readRun(channel: PackedChannel, field: Field, base: number, batch: SampleBatch): void {
  const { firstUs, intervalUs, values } = channel;
  const at = batch.reserve(values.length);
  const kind = channel.type === 'bool' ? KIND_BOOL : KIND_NUMBER;
  batch.kinds.fill(kind, at, at + values.length);
  if (channel.type === 'i16') {
    field.scale ??= { gain: channel.gain, offset: channel.offset };
    readScaled(channel, field, base, batch, at);
    return;
  }
  batch.values.set(values, at);
  batch.fillRun(at, values.length, field, base + firstUs, intervalUs);
}

/** PF-3.3 and PF-3.4. */
function readScaled(
  channel: PackedChannel & { readonly type: 'i16' },
  field: Field,
  base: number,
  batch: SampleBatch,
  from: number,
): void {
  const { firstUs, intervalUs, values, gain, offset } = channel;
  const { fields, times, values: column } = batch;
  const first = base + firstUs;
  let at = from;
  for (let index = 0; index < values.length; index++) {
    const raw = values[index] ?? PACKED_I16_GAP;
    if (raw === PACKED_I16_GAP) continue;
    fields[at] = field;
    times[at] = first + index * intervalUs;
    column[at] = raw * gain + offset;
    at++;
  }
  batch.giveBack(from + values.length - at);
}
