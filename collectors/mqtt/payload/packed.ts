import type { Field, OnField } from '../../payload/field.ts';
import type { SampleBatch } from '../../payload/sample-batch.ts';
import { KIND_BOOL, KIND_NUMBER } from '../../payload/sample-kind.ts';
import { PACKED_BOOL, PACKED_F32, PACKED_F64, PACKED_I16, PACKED_I16_GAP, PackedReader } from '../packed-frame.ts';

/** A name as it stands in a frame, and its field. */
interface KnownName {
  readonly bytes: Uint8Array;
  readonly field: Field;
}

/**
 * Reads the packed frames of one topic into samples (PF-3). The frames of a topic are alike: the name of the record that stood in
 * this place of the frame before is neither checked nor looked up again.
 */
export class PackedTopic {
  readonly #root: Field;
  readonly #onName: OnField;
  readonly #reader = new PackedReader();
  readonly #names: KnownName[] = [];

  /** @param onName told of every name that is remembered, as of fields */
  constructor(root: Field, onName: OnField) {
    this.#root = root;
    this.#onName = onName;
  }

  /**
   * Without a base time the latest sample lies at the moment of arrival.
   * @throws PayloadError `packed-invalid`, `too-many-samples`
   */
  read(payload: Uint8Array, batch: SampleBatch): void {
    const reader = this.#reader;
    reader.open(payload);
    const isDevice = reader.baseTimeUs !== 0;
    const base = isDevice ? reader.baseTimeUs : -this.#lastOffsetUs(payload);
    batch.stamp = isDevice ? 'device' : 'arrival';
    for (let record = 0; reader.next(); record++) readRun(reader, this.#fieldAt(record), base, batch);
  }

  /** Offset of the latest sample of the frame, microseconds; it is what happened at the moment of arrival (PF-3.2). */
  #lastOffsetUs(payload: Uint8Array): number {
    const reader = this.#reader;
    let last = 0;
    while (reader.next()) {
      if (reader.count > 0) last = Math.max(last, reader.firstUs + reader.intervalUs * (reader.count - 1));
    }
    reader.open(payload);
    return last;
  }

  #fieldAt(record: number): Field {
    const { bytes, nameAt, nameEnd } = this.#reader;
    const known = this.#names[record];
    if (known !== undefined && isSame(known.bytes, bytes, nameAt, nameEnd)) return known.field;
    const field = this.#root.child(this.#reader.name());
    if (known === undefined) this.#onName();
    this.#names[record] = { bytes: Uint8Array.from(bytes.subarray(nameAt, nameEnd)), field };
    return field;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, begin: number, end: number): boolean {
  if (known.length !== end - begin) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[begin + at]) return false;
  return true;
}

function readRun(reader: PackedReader, field: Field, base: number, batch: SampleBatch): void {
  const { type, view, valuesAt, count, firstUs, intervalUs } = reader;
  const at = batch.reserve(count);
  batch.kinds.fill(type === PACKED_BOOL ? KIND_BOOL : KIND_NUMBER, at, at + count);
  const { values } = batch;
  switch (type) {
    case PACKED_I16:
      readScaled(reader, field, base, batch, at);
      return;
    case PACKED_F32:
      for (let index = 0; index < count; index++) values[at + index] = view.getFloat32(valuesAt + index * 4, true);
      break;
    case PACKED_F64:
      // As bytes, so that every bit pattern survives, NaN payloads included.
      new Uint8Array(values.buffer, at * 8, count * 8).set(reader.bytes.subarray(valuesAt, valuesAt + count * 8));
      break;
    default:
      for (let index = 0; index < count; index++) values[at + index] = view.getUint8(valuesAt + index);
  }
  batch.fillRun(at, count, field, base + firstUs, intervalUs);
}

/** PF-3.3 and PF-3.4. */
function readScaled(reader: PackedReader, field: Field, base: number, batch: SampleBatch, from: number): void {
  const { view, valuesAt, count, firstUs, intervalUs, gain, offset } = reader;
  const { fields, times, values } = batch;
  field.scale ??= { gain, offset };
  const first = base + firstUs;
  let at = from;
  for (let index = 0; index < count; index++) {
    const raw = view.getInt16(valuesAt + index * 2, true);
    if (raw === PACKED_I16_GAP) continue;
    fields[at] = field;
    times[at] = first + index * intervalUs;
    values[at] = raw * gain + offset;
    at++;
  }
  batch.giveBack(from + count - at);
}
