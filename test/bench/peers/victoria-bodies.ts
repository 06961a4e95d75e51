/*
 * The ways VictoriaMetrics takes in many samples of a series at once, as requests that are ready to be sent: what it costs
 * to make them is not its cost. Series are named after channels; times become milliseconds.
 */
import { Buffer } from 'node:buffer';
import type { Columns } from '../drive.ts';

export interface ImportBody {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A channel and all its samples. */
export interface NamedColumns extends Columns {
  readonly name: string;
}

/** Samples of one request, about: large enough that a request costs nothing, and below what the server takes. */
const REQUEST_SAMPLES = 500_000;

/** JSON lines (`/api/v1/import`), a series a line. */
export function jsonBodies(series: readonly NamedColumns[]): ImportBody[] {
  return requests(series).map((some) => {
    const lines = some.map(({ name, times, values }) => {
      const timestamps = Array.from(times, toMs);
      return `${JSON.stringify({ metric: { __name__: name }, values: Array.from(values), timestamps })}\n`;
    });
    return { path: '/api/v1/import', headers: {}, bytes: copyOf(Buffer.from(lines.join(''))) };
  });
}

/** The native format, as an instance exported it. */
export function nativeBody(bytes: Uint8Array): ImportBody {
  return { path: '/api/v1/import/native', headers: {}, bytes: copyOf(bytes) };
}

/**
 * Prometheus remote write (`/api/v1/write`): protobuf in a Snappy block, which here is literals only, because that is the
 * fastest to unpack.
 */
export function remoteWriteBodies(series: readonly NamedColumns[]): ImportBody[] {
  return requests(series).map((some) => ({
    path: '/api/v1/write',
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    bytes: snappyLiterals(writeRequest(some)),
  }));
}

function requests(series: readonly NamedColumns[]): NamedColumns[][] {
  const groups: NamedColumns[][] = [];
  let room = 0;
  for (const each of series) {
    for (let from = 0; from < each.times.length; from += REQUEST_SAMPLES) {
      const times = each.times.subarray(from, from + REQUEST_SAMPLES);
      const values = each.values.subarray(from, from + REQUEST_SAMPLES);
      if (room < times.length) {
        groups.push([]);
        room = REQUEST_SAMPLES;
      }
      room -= times.length;
      groups.at(-1)?.push({ name: each.name, times, values });
    }
  }
  return groups;
}

/** `WriteRequest { repeated TimeSeries timeseries = 1; }`. */
function writeRequest(series: readonly NamedColumns[]): Buffer {
  return Buffer.concat(series.flatMap((each) => lengthDelimited(1, timeSeries(each))));
}

/** `TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }`. */
function timeSeries({ name, times, values }: NamedColumns): Buffer {
  const label = Buffer.concat([
    ...lengthDelimited(1, Buffer.from('__name__')),
    ...lengthDelimited(2, Buffer.from(name)),
  ]);
  const samples: Buffer[] = [];
  for (let i = 0; i < times.length; i += 1) {
    const stamp = varint(toMs(times[i] as number));
    const sample = Buffer.allocUnsafe(12 + stamp.length);
    sample[0] = (2 << 3) | 2;
    sample[1] = 10 + stamp.length;
    // Sample { double value = 1; int64 timestamp = 2; }
    sample[2] = (1 << 3) | 1;
    sample.writeDoubleLE(values[i] as number, 3);
    sample[11] = 2 << 3;
    stamp.copy(sample, 12);
    samples.push(sample);
  }
  return Buffer.concat([...lengthDelimited(1, label), ...samples]);
}

function lengthDelimited(field: number, bytes: Buffer): Buffer[] {
  return [Buffer.from([(field << 3) | 2]), varint(bytes.length), bytes];
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A Snappy block of one literal: length, a tag that says that 4 bytes of length follow, the bytes. */
function snappyLiterals(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const length = varint(bytes.length);
  const block = Buffer.alloc(length.length + 5 + bytes.length);
  length.copy(block);
  block[length.length] = 63 << 2;
  block.writeUInt32LE(bytes.length - 1, length.length + 1);
  bytes.copy(block, length.length + 5);
  return copyOf(block);
}

function toMs(time: number): number {
  return Math.round(time / 1e3);
}

function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}
