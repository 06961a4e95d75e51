import { utcText } from '../../../gateway/utc-text.ts';
import type { Field } from '../../payload/field.ts';
import { PayloadError } from '../../payload/payload-error.ts';
import type { SampleBatch } from '../../payload/sample-batch.ts';
import { KIND_BOOL, KIND_NUMBER } from '../../payload/sample-kind.ts';
import type { Timestamp } from '../config.ts';
import { UtcTime, utcMicroseconds } from './time.ts';

/** Levels of objects and arrays in a payload. Deeper: bad input, reason `too-deep`. */
export const DEPTH_MAX = 16;

type DeviceTime = Exclude<Timestamp, 'arrival'>;

/**
 * Flattens what a payload says: every number, boolean, string and time becomes a sample of the field of that path, array
 * elements by their index; null and bytes none. With a device time, an array of objects is a series: each element has its
 * own time.
 * @throws PayloadError when it nests too deep, or has no usable time
 */
export function readTree(value: unknown, root: Field, timestamp: Timestamp, batch: SampleBatch): void {
  if (timestamp === 'arrival') {
    walk(value, root, 0, 0, undefined, batch);
    return;
  }
  batch.stamp = 'device';
  if (Array.isArray(value)) {
    for (const element of value) readTimed(element, root, timestamp, batch);
  } else {
    readTimed(value, root, timestamp, batch);
  }
}

function readTimed(value: unknown, root: Field, timestamp: DeviceTime, batch: SampleBatch): void {
  const path = timestamp.field.split('/');
  let holder: unknown = value;
  for (const key of path.slice(0, -1)) holder = entryOf(holder, key);
  const key = path.at(-1) ?? '';
  const met = entryOf(holder, key);
  if (met === undefined || met === null) throw new PayloadError('time-missing', `no field ${timestamp.field}`);
  const time = utcMicroseconds(met, timestamp.unit);
  walk(value, root, time, 0, { holder, key }, batch);
}

/** What stands under `key`, a number key spelled in decimal; undefined where there is nothing. */
function entryOf(holder: unknown, key: string): unknown {
  if (holder instanceof Map) return holder.get(key) ?? holder.get(Number(key));
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, key)) return undefined;
  return (holder as Record<string, unknown>)[key];
}

/** The field that carries the time is not a sample itself. */
interface TimeField {
  readonly holder: unknown;
  readonly key: string;
}

function walk(
  value: unknown,
  field: Field,
  time: number,
  depth: number,
  skip: TimeField | undefined,
  batch: SampleBatch,
): void {
  switch (typeof value) {
    case 'number':
      batch.add(field, KIND_NUMBER, time, value);
      return;
    case 'boolean':
      batch.add(field, KIND_BOOL, time, value ? 1 : 0);
      return;
    case 'string':
      batch.addText(field, time, value);
      return;
    case 'bigint':
      batch.add(field, KIND_NUMBER, time, Number(value));
      return;
    default:
  }
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return;
  if (value instanceof UtcTime) {
    batch.addText(field, time, utcText(value.us) ?? String(value.us));
    return;
  }
  if (depth >= DEPTH_MAX) throw new PayloadError('too-deep', `more than ${DEPTH_MAX} levels`);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      walk(value[index], field.child(indexKey(index)), time, depth + 1, skip, batch);
    }
    return;
  }
  if (value instanceof Map) {
    for (const [key, entry] of value) {
      const name = String(key);
      if (skip !== undefined && value === skip.holder && name === skip.key) continue;
      walk(entry, field.child(name), time, depth + 1, skip, batch);
    }
    return;
  }
  for (const key of Object.keys(value)) {
    if (skip !== undefined && value === skip.holder && key === skip.key) continue;
    walk((value as Record<string, unknown>)[key], field.child(key), time, depth + 1, skip, batch);
  }
}

/** Decimal index; the small ones are made once, so that a known array builds no string. */
const INDEX_KEYS = Array.from({ length: 256 }, (_, index) => String(index));

export function indexKey(index: number): string {
  return INDEX_KEYS[index] ?? String(index);
}
