import type { Buffer } from 'node:buffer';
import type { Timestamp } from '../config.ts';
import type { Field } from '../field.ts';
import type { SampleBatch } from '../sample-batch.ts';
import { KIND_BOOL, KIND_NUMBER } from '../sample-kind.ts';
import { PayloadError } from './payload-error.ts';
import { utcMicroseconds } from './time.ts';

/** Levels of objects and arrays in a payload. Deeper: bad input, reason `json-too-deep`. */
export const JSON_DEPTH_MAX = 16;

type DeviceTime = Exclude<Timestamp, 'arrival'>;

/**
 * Flattens a JSON payload: every number, boolean and string becomes a sample of the field of that path, array elements
 * by their index, null none. With a device time, an array of objects is a series: each element has its own time.
 * @throws PayloadError when the text is not JSON, nests too deep, or has no usable time
 */
export function readJson(payload: Buffer, root: Field, timestamp: Timestamp, batch: SampleBatch): void {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch (error) {
    throw new PayloadError('json-invalid', error instanceof Error ? error.message : undefined);
  }
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
  for (const key of path.slice(0, -1)) holder = isObject(holder) ? holder[key] : undefined;
  const last = path.at(-1) ?? '';
  const met = isObject(holder) && Object.hasOwn(holder, last) ? holder[last] : undefined;
  if (!isObject(holder) || met === undefined || met === null) {
    throw new PayloadError('time-missing', `no field ${timestamp.field}`);
  }
  const time = utcMicroseconds(met, timestamp.unit);
  walk(value, root, time, 0, { holder, key: last }, batch);
}

/** The field that carries the time is not a sample itself. */
interface TimeField {
  readonly holder: object;
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
    default:
  }
  if (value === null || typeof value !== 'object') return;
  if (depth >= JSON_DEPTH_MAX) throw new PayloadError('json-too-deep', `more than ${JSON_DEPTH_MAX} levels`);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      walk(value[index], field.child(indexKey(index)), time, depth + 1, skip, batch);
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

function indexKey(index: number): string {
  return INDEX_KEYS[index] ?? String(index);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
