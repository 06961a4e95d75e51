import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeClientFrame, encodeServerFrame } from '../../dashboards/wire.ts';
import { PROJECT_ROOT } from '../data-dir.ts';
import { CLIENT_SAMPLES, INVALID_SAMPLES, SERVER_SAMPLES } from './wire-samples.ts';

export const VECTORS = join(PROJECT_ROOT, 'test/vectors/wire');

/** A vector as the .json beside the .bin tells it: the frame in it, or the clause that refuses it. */
export interface WireVector {
  readonly from: 'client' | 'server';
  readonly frame?: unknown;
  readonly clause?: string;
}

/** Every vector with its bytes, by name; made from the samples. */
export function makeVectors(): Map<string, { bytes: Uint8Array; vector: WireVector }> {
  const vectors = new Map<string, { bytes: Uint8Array; vector: WireVector }>();
  for (const [name, frame] of Object.entries(CLIENT_SAMPLES)) {
    vectors.set(name, { bytes: encodeClientFrame(frame), vector: { from: 'client', frame: plain(frame) } });
  }
  for (const [name, frame] of Object.entries(SERVER_SAMPLES)) {
    vectors.set(name, { bytes: encodeServerFrame(frame), vector: { from: 'server', frame: plain(frame) } });
  }
  for (const [name, { of, clause, change }] of Object.entries(INVALID_SAMPLES)) {
    const valid = vectors.get(of);
    if (valid === undefined) throw new Error(`${name} is made of ${of}, which is no valid vector`);
    const bytes = Uint8Array.from(change([...valid.bytes]));
    vectors.set(`invalid-${name}`, { bytes, vector: { from: valid.vector.from, clause } });
  }
  return vectors;
}

/** A frame as JSON can hold it: columns as arrays, maps as pairs, values without JSON as text. */
export function plain(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : special(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, plain);
  if (value instanceof Map) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}

function special(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

if (process.argv[1] === import.meta.filename) {
  rmSync(VECTORS, { recursive: true, force: true });
  mkdirSync(VECTORS, { recursive: true });
  for (const [name, { bytes, vector }] of makeVectors()) {
    writeFileSync(join(VECTORS, `${name}.bin`), bytes);
    writeFileSync(join(VECTORS, `${name}.json`), `${JSON.stringify(vector, null, 2)}\n`);
  }
}
