import { findScale, type Scale } from '../block/find-scale.ts';
import { ByteReader, ByteWriter, listOf } from '../bytes.ts';
import { OUTLINE_NODES_MAX, OUTLINE_US, type OutlineNode, secondOf } from './outline.ts';

/** Forms of the values (OUTLINE-3). */
const DOUBLES = 0;
const BY_GAIN = 1;
const BY_DIVISOR = 2;
const FLOATS = 3;

/** Bytes of a float32, which stand in planes: the first of every corner, then the second. */
const FLOAT_BYTES = 4;

/** The nodes of an outline as OUTLINE_FORMAT.md lays them down; at least one, at most OUTLINE_NODES_MAX. */
export function encodeNodes(nodes: readonly OutlineNode[]): Uint8Array {
  const out = new ByteWriter(16 + nodes.length * 8);
  out.varint(nodes.length);
  writeTimes(out, nodes);
  writeValues(out, nodes);
  return out.toBytes();
}

/** @throws CaissonError `block-invalid`, naming the clause */
export function decodeNodes(bytes: Uint8Array): OutlineNode[] {
  const input = new ByteReader(bytes, 'block-invalid', 'OUTLINE');
  const length = input.varintUpTo(OUTLINE_NODES_MAX, '1.1', 'number of nodes');
  if (length === 0) input.fail('1.1', 'there is no node');
  const { counts, timesMin, timesMax } = readTimes(input, length);
  const corners = readValues(input, length);
  if (input.remaining > 0) input.fail('1.2', `${input.remaining} bytes behind the end`);
  return listOf(length, (i) => ({
    count: counts[i] as number,
    timeMin: timesMin[i] as number,
    timeMax: timesMax[i] as number,
    first: corners[4 * i] as number,
    min: corners[4 * i + 1] as number,
    max: corners[4 * i + 2] as number,
    last: corners[4 * i + 3] as number,
  }));
}

/** OUTLINE-2: columns of differences. */
function writeTimes(out: ByteWriter, nodes: readonly OutlineNode[]): void {
  writeDeltas(
    out,
    nodes.map(({ timeMin }) => secondOf(timeMin)),
  );
  writeDeltas(
    out,
    nodes.map(({ timeMin }) => timeMin - secondOf(timeMin) * OUTLINE_US),
  );
  writeDeltas(
    out,
    nodes.map(({ timeMin, timeMax }) => timeMax - timeMin),
  );
  writeDeltas(
    out,
    nodes.map(({ count }) => count),
  );
}

function readTimes(input: ByteReader, length: number): Record<'counts' | 'timesMin' | 'timesMax', Float64Array> {
  const seconds = readDeltas(input, length);
  const offsets = readDeltas(input, length);
  const spans = readDeltas(input, length);
  const counts = readDeltas(input, length);
  for (let i = 0; i < length; i += 1) {
    const second = seconds[i] as number;
    const offset = offsets[i] as number;
    const span = spans[i] as number;
    const timeMin = second * OUTLINE_US + offset;
    if (offset < 0 || span < 0 || offset + span >= OUTLINE_US || !Number.isSafeInteger(timeMin)) {
      input.fail('2.2', `node ${i} reaches from ${offset} for ${span} microseconds of second ${second}`);
    }
    if ((counts[i] as number) < 1) input.fail('2.3', `node ${i} has ${counts[i]} samples`);
    seconds[i] = timeMin;
    spans[i] = timeMin + span;
  }
  return { counts, timesMin: seconds, timesMax: spans };
}

/** OUTLINE-3. */
function writeValues(out: ByteWriter, nodes: readonly OutlineNode[]): void {
  const corners = new Float64Array(4 * nodes.length);
  for (let i = 0; i < nodes.length; i += 1) {
    const { first, min, max, last } = nodes[i] as OutlineNode;
    corners[4 * i] = first;
    corners[4 * i + 1] = min;
    corners[4 * i + 2] = max;
    corners[4 * i + 3] = last;
  }
  const scaled = findScale(corners);
  const residuals = scaled?.exceptions.length === 0 ? residualsOf(scaled.integers) : undefined;
  if (scaled === undefined || residuals === undefined) {
    writeDoubles(out, corners);
    return;
  }
  const { gain, offset, divide } = scaled.scale;
  out.u8(divide ? BY_DIVISOR : BY_GAIN);
  out.f64(gain);
  if (!divide) out.f64(offset);
  for (const residual of residuals) out.signed(residual);
}

function readValues(input: ByteReader, length: number): Float64Array {
  const form = input.u8();
  if (form === DOUBLES) return new Float64Array(4 * length).map(() => input.f64());
  if (form === FLOATS) return readFloats(input, 4 * length);
  if (form !== BY_GAIN && form !== BY_DIVISOR) input.fail('3.1', `form of the values is ${form}`);
  const divide = form === BY_DIVISOR;
  const scale = { gain: input.f64(), offset: divide ? 0 : input.f64(), divide };
  const residuals = new Float64Array(4 * length);
  input.signedRun(residuals);
  return cornersOf(residuals, scale);
}

/** OUTLINE-3.4: what is no integer of a scale is told to the digits of a float32, unless it is beyond those. */
function writeDoubles(out: ByteWriter, corners: Float64Array): void {
  const floats = Float32Array.from(corners);
  if (floats.some((float, i) => !Number.isFinite(float) && Number.isFinite(corners[i]))) {
    out.u8(DOUBLES);
    for (const corner of corners) out.f64(corner);
    return;
  }
  out.u8(FLOATS);
  const words = new Uint32Array(floats.buffer);
  for (let shift = 24; shift >= 0; shift -= 8) {
    for (let i = 0; i < words.length; i += 1) out.u8((((words[i] as number) ^ firstOf(words, i)) >>> shift) & 0xff);
  }
}

function readFloats(input: ByteReader, length: number): Float64Array {
  const planes = input.take(FLOAT_BYTES * length);
  const words = new Uint32Array(length);
  for (let i = 0; i < length; i += 1) {
    let word = 0;
    for (let plane = 0; plane < FLOAT_BYTES; plane += 1) word = (word << 8) | (planes[plane * length + i] ?? 0);
    words[i] = word ^ firstOf(words, i);
  }
  return Float64Array.from(new Float32Array(words.buffer));
}

/** The word of the first sample of a node, for its other corners; 0 for itself. */
function firstOf(words: Uint32Array, i: number): number {
  return i % 4 === 0 ? 0 : (words[i - (i % 4)] ?? 0);
}

/**
 * What each corner differs from what is expected (OUTLINE-3.3), a column for each; undefined where a difference is no integer below
 * 2^53.
 */
function residualsOf(corners: Float64Array): Float64Array | undefined {
  const length = corners.length / 4;
  const residuals = new Float64Array(corners.length);
  let before = 0;
  for (let i = 0; i < length; i += 1) {
    const first = corners[4 * i] as number;
    const last = corners[4 * i + 3] as number;
    residuals[i] = first - before;
    residuals[length + i] = last - first;
    residuals[2 * length + i] = (corners[4 * i + 1] as number) - Math.min(first, last);
    residuals[3 * length + i] = (corners[4 * i + 2] as number) - Math.max(first, last);
    before = last;
  }
  return residuals.every(Number.isSafeInteger) ? residuals.map((residual) => residual + 0) : undefined;
}

function cornersOf(residuals: Float64Array, { gain, offset, divide }: Scale): Float64Array {
  const length = residuals.length / 4;
  const toValue = (integer: number) => (divide ? integer / gain : integer * gain + offset);
  const corners = new Float64Array(residuals.length);
  let before = 0;
  for (let i = 0; i < length; i += 1) {
    const first = before + (residuals[i] ?? 0);
    const last = first + (residuals[length + i] ?? 0);
    const min = Math.min(first, last) + (residuals[2 * length + i] ?? 0);
    const max = Math.max(first, last) + (residuals[3 * length + i] ?? 0);
    corners[4 * i] = toValue(first);
    corners[4 * i + 1] = toValue(min);
    corners[4 * i + 2] = toValue(max);
    corners[4 * i + 3] = toValue(last);
    before = last;
  }
  return corners;
}

function writeDeltas(out: ByteWriter, column: readonly number[]): void {
  let before = 0;
  for (const value of column) {
    out.signed(value - before);
    before = value;
  }
}

function readDeltas(input: ByteReader, length: number): Float64Array {
  const column = new Float64Array(length);
  input.signedRun(column);
  for (let i = 1; i < length; i += 1) column[i] = (column[i] ?? 0) + (column[i - 1] ?? 0);
  return column;
}
