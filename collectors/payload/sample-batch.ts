import { Buffer } from 'node:buffer';
import type { Stamp } from '../../gateway/channel.ts';
import { RING_SLOTS } from '../../gateway/limits.ts';
import type { Field } from './field.ts';
import { PayloadError } from './payload-error.ts';
import { KIND_TEXT, type SampleKind } from './sample-kind.ts';

/** Values of the column `stamps`. */
export const STAMP_ARRIVAL = 0;
export const STAMP_DEVICE = 1;

/** Samples of one message. Beyond: the message is bad input, reason `too-many-samples`. */
export const MESSAGE_SAMPLES_MAX = 65_536;

/** Ring slots of one message, so that there can always be room for it. Beyond: bad input, reason `too-many-samples`. */
export const MESSAGE_SLOTS_MAX = RING_SLOTS / 4;

/** Bytes of text that are reckoned as one slot of the ring when room is asked for; low, so that the room is enough. */
const TEXT_BYTES_PER_SLOT = 8;

/** Parts of a message, such as lines, that could not be used for one reason. */
export interface Fault {
  parts: number;
  readonly detail: string;
}

/**
 * The samples of one message as columns, filled by the payload codecs. It is used again for the next message, so that a
 * message costs no object a sample.
 */
export class SampleBatch {
  /** Number of samples. */
  count = 0;
  /** Ring slots that the samples need, reckoned high. */
  slots = 0;
  /** Stamp of the samples that are added next. */
  stamp: Stamp = 'arrival';
  /** What of the message could not be used while the rest was, by reason. */
  faults = new Map<string, Fault>();
  fields: (Field | undefined)[] = new Array(64).fill(undefined);
  kinds = new Uint8Array(64);
  /** Where the time of each sample is from: {@link STAMP_ARRIVAL} or {@link STAMP_DEVICE}. */
  stamps = new Uint8Array(64);
  /** Microseconds; UTC for stamp `device`, behind the arrival (0 or less) for stamp `arrival`. */
  times = new Float64Array(64);
  values = new Float64Array(64);
  /** Text of the samples of kind text; other places hold what an earlier message left, as do `fields` from `count` on. */
  texts: (string | undefined)[] = [];
  readonly #samplesMax: number;

  /** @param samplesMax samples of one message; at most {@link MESSAGE_SLOTS_MAX} */
  constructor(samplesMax = MESSAGE_SAMPLES_MAX) {
    this.#samplesMax = samplesMax;
  }

  clear(): void {
    this.count = 0;
    this.slots = 0;
    this.stamp = 'arrival';
    if (this.faults.size > 0) this.faults.clear();
  }

  /** Counts a part of the message that could not be used; `detail` is kept of the first of each reason. */
  fault(reason: string, detail: string, parts = 1): void {
    const known = this.faults.get(reason);
    if (known === undefined) this.faults.set(reason, { parts, detail });
    else known.parts += parts;
  }

  /** Adds a number or bool. */
  add(field: Field, kind: SampleKind, time: number, value: number): void {
    const at = this.reserve(1);
    this.fields[at] = field;
    this.kinds[at] = kind;
    this.times[at] = time;
    this.values[at] = value;
  }

  addText(field: Field, time: number, text: string): void {
    const at = this.reserve(1);
    this.fields[at] = field;
    this.kinds[at] = KIND_TEXT;
    this.times[at] = time;
    this.texts[at] = text;
    this.slots += Math.ceil(Buffer.byteLength(text) / TEXT_BYTES_PER_SLOT);
    if (this.slots > MESSAGE_SLOTS_MAX) throw new PayloadError('too-many-samples', 'more text than a message may hold');
  }

  /** Fills `fields` and `times` of a run at a fixed interval that begins at place `at`; times in microseconds. */
  fillRun(at: number, samples: number, field: Field, firstTime: number, interval: number): void {
    const { fields, times } = this;
    for (let index = 0; index < samples; index++) {
      fields[at + index] = field;
      times[at + index] = firstTime + index * interval;
    }
  }

  /**
   * Makes place for `samples` more and returns where they begin; the caller fills every column there.
   * @throws PayloadError `too-many-samples`
   */
  reserve(samples: number): number {
    const at = this.count;
    const needed = at + samples;
    if (needed > this.#samplesMax) {
      throw new PayloadError('too-many-samples', `more than ${this.#samplesMax} samples in one message`);
    }
    if (needed > this.values.length) this.#grow(needed);
    const stamp = this.stamp === 'device' ? STAMP_DEVICE : STAMP_ARRIVAL;
    if (samples === 1) this.stamps[at] = stamp;
    else this.stamps.fill(stamp, at, needed);
    this.count = needed;
    this.slots += samples;
    return at;
  }

  /** Takes back the last `samples` of a reservation that were not used. */
  giveBack(samples: number): void {
    this.count -= samples;
    this.slots -= samples;
  }

  /** Takes back all that was added since `count` and `slots` were as given. */
  rollBack(count: number, slots: number): void {
    this.count = count;
    this.slots = slots;
  }

  #grow(needed: number): void {
    let size = this.values.length;
    while (size < needed) size *= 2;
    for (let at = this.fields.length; at < size; at++) this.fields.push(undefined);
    this.kinds = grown(new Uint8Array(size), this.kinds);
    this.stamps = grown(new Uint8Array(size), this.stamps);
    this.times = grown(new Float64Array(size), this.times);
    this.values = grown(new Float64Array(size), this.values);
  }
}

function grown<T extends Uint8Array | Float64Array>(larger: T, smaller: T): T {
  larger.set(smaller);
  return larger;
}
