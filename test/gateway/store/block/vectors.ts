import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { type BlockHeader, type BlockSamples, encodeBlock } from '../../../../gateway/store/block/block.ts';
import { ByteWriter } from '../../../../gateway/store/bytes.ts';
import { ZstdEncoder } from '../../../../gateway/store/zstd.ts';
import { bitsOf, fromBits, HEADER, TIME } from './samples.ts';

/** The cases under test/vectors/block: blocks of every encoding, and one broken in each way that a reader must refuse. */

/** A block as the vector's .json has it; numbers and times as hex of their float64, little-endian, since JSON has no NaN. */
export interface DescribedBlock extends Omit<BlockHeader, 'clockErrorUs'> {
  /** null stands for unknown. */
  readonly clockErrorUs: number | null;
  readonly timesHex: string;
  readonly valuesHex?: string;
  readonly texts?: readonly string[];
}

export interface BlockVector {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What the bytes hold, or the clause by which they are refused. */
  readonly expected: { readonly block: DescribedBlock } | { readonly refused: string };
}

export function describeContent(header: BlockHeader, { times, values }: BlockSamples): DescribedBlock {
  const { gateway, boot, channel, type, stamp, firstSequence, clockSource, clockErrorUs } = header;
  return {
    ...{ gateway, boot, channel, type, stamp, firstSequence, clockSource },
    clockErrorUs: Number.isFinite(clockErrorUs) ? clockErrorUs : null,
    timesHex: bitsOf(times),
    ...(values instanceof Float64Array ? { valuesHex: bitsOf(values) } : { texts: values }),
  };
}

const SHORT: BlockSamples = { times: grid(4), values: Float64Array.of(0.25, 0.5, 0.5, -0) };

export function blockVectors(): BlockVector[] {
  return [...validVectors(), ...brokenFrames(), ...brokenHeaders(), ...brokenColumns(), ...brokenValues()];
}

function validVectors(): BlockVector[] {
  return [
    valid('worked-example', {
      times: Float64Array.of(TIME, TIME + 10_000, TIME + 20_001),
      values: Float64Array.of(812, 813, 811),
    }),
    valid('one-sample', { times: Float64Array.of(0), values: Float64Array.of(0) }),
    valid('header-extremes', SHORT, {
      gateway: 'ü'.repeat(32),
      channel: 'c'.repeat(512),
      stamp: 'device',
      clockSource: 'ptp',
      clockErrorUs: 0,
      firstSequence: Number.MAX_SAFE_INTEGER - 3,
    }),
    valid('clock-unknown', SHORT, { clockSource: 'none', clockErrorUs: Number.POSITIVE_INFINITY }),
    valid('bool', { times: grid(40), values: column(40, (i) => (i > 11 ? 1 : 0)) }, { type: 'bool' }),
    valid('enum', { times: grid(40), values: column(40, (i) => [0, 7, 255][i % 3] ?? 0) }, { type: 'enum' }),
    valid('times-jitter', { times: column(500, (i) => TIME + i * 10_000 + noise(i, 9)), values: column(500, () => 0) }),
    valid('times-delta', {
      times: column(500, (i) => TIME + i * 20_000 + (i > 250 ? 7_654_321 : 0)),
      values: column(500, () => 0),
    }),
    valid('times-delta2', { times: column(300, (i) => TIME + i * i * i), values: column(300, () => 0) }),
    valid('times-milliseconds', {
      times: column(300, (i) => TIME + 1000 * (100 * i + noise(i, 40))),
      values: column(300, () => 0),
    }),
    valid('times-unordered', { times: column(300, (i) => TIME + noise(i, 1e9)), values: column(300, () => 0) }),
    valid('times-words', {
      times: Float64Array.of(Number.MAX_SAFE_INTEGER, 0, -Number.MAX_SAFE_INTEGER),
      values: column(3, (i) => i),
    }),
    valid('scaled-identity', { times: grid(500), values: column(500, (i) => 3000 + noise(i, 200)) }),
    valid('scaled-gain', { times: grid(500), values: column(500, (i) => (3000 + noise(i, 500)) * 0.01) }),
    valid('scaled-offset', { times: grid(500), values: column(500, (i) => noise(i, 1000) * 0.244 - 125) }),
    valid('scaled-divisor', { times: grid(500), values: column(500, (i) => (noise(i, 5000) - 2500) / 100) }),
    valid('scaled-exceptions', { times: grid(500), values: column(500, (i) => (i % 100 === 7 ? Number.NaN : i * 3)) }),
    valid('constant-nan', {
      times: grid(3),
      values: fromBits([0x7ff4_0000_dead_beefn, 0x7ff4_0000_dead_beefn, 0x7ff4_0000_dead_beefn]),
    }),
    valid('dictionary', {
      times: grid(300),
      values: column(300, (i) => [Math.PI, Math.E, Number.NaN, -0][noise(i, 4)] ?? 0),
    }),
    valid('float32', { times: grid(300), values: column(300, (i) => Math.fround(Math.sqrt(i + 2))) }),
    valid('words', {
      times: grid(40),
      values: column(40, (i) => Math.sqrt(noise(i, 1e9)) * 2 ** (noise(i, 1500) - 900)),
    }),
    valid('xor', { times: grid(1000), values: column(1000, (i) => 1000 + i / 300_007) }),
    valid('special-values', {
      times: grid(8),
      values: fromBits([
        0n,
        1n << 63n,
        0x7ff0n << 48n,
        0xfff0n << 48n,
        (0x7ff0n << 48n) + 1n,
        0xffffn << 48n,
        1n,
        0x000f_ffff_ffff_ffffn,
      ]),
    }),
    valid('text-plain', { times: grid(3), values: ['out lap', '', 'Größe 12 µm'] }, { type: 'text' }),
    valid(
      'text-dictionary',
      { times: grid(60), values: Array.from({ length: 60 }, (_, i) => (i % 7 === 0 ? 'pit' : 'on track')) },
      { type: 'text' },
    ),
  ];
}

function brokenFrames(): BlockVector[] {
  const bytes = encodeBlock(HEADER, SHORT);
  return [
    { name: 'empty', bytes: new Uint8Array(0), expected: { refused: 'BLOCK-1.3' } },
    {
      name: 'checksum-differs',
      bytes: bytes.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
      expected: { refused: 'BLOCK-1.3' },
    },
    { name: 'cut', bytes: bytes.slice(0, -1), expected: { refused: 'BLOCK-1.3' } },
    broken('bytes-left-over', 'BLOCK-1.2', (out) => {
      writeHead(out);
      out.bytes(FOUR_TIMES);
      out.bytes(FOUR_VALUES);
      out.u8(0);
    }),
    broken('cut-with-checksum', 'BLOCK-2.1', (out) => out.bytes(bytes.subarray(0, 30))),
  ];
}

function brokenHeaders(): BlockVector[] {
  return [
    broken('magic', 'BLOCK-3.2', (out) => out.bytes(Buffer.from('CX'))),
    broken('version', 'BLOCK-3.3', (out) => out.bytes(Buffer.from('CB\u0002'))),
    broken('clock-source-undefined', 'BLOCK-3.4', (out) => out.bytes(Uint8Array.of(0x43, 0x42, 1, 6 << 3))),
    broken('flag-undefined', 'BLOCK-3.4', (out) => out.bytes(Uint8Array.of(0x43, 0x42, 1, 0x40))),
    brokenHead('integer-not-shortest', 'BLOCK-2.2', { error: Uint8Array.of(0x80, 0) }),
    brokenHead('integer-too-large', 'BLOCK-2.2', { error: Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127) }),
    brokenHead('integer-too-long', 'BLOCK-2.2', { error: Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 1) }),
    brokenHead('gateway-empty', 'BLOCK-3.6', { gateway: '' }),
    brokenHead('gateway-too-long', 'BLOCK-3.6', { gateway: 'g'.repeat(65) }),
    brokenHead('gateway-not-utf8', 'BLOCK-3.6', { gateway: Uint8Array.of(2, 0xc3, 0x28) }),
    brokenHead('channel-empty', 'BLOCK-3.8', { channel: '' }),
    brokenHead('channel-too-long', 'BLOCK-3.8', { channel: 'c'.repeat(513) }),
    brokenHead('sequence-beyond-2-53', 'BLOCK-3.9', { firstSequence: Number.MAX_SAFE_INTEGER }),
    brokenHead('sequence-just-beyond-2-53', 'BLOCK-3.9', { firstSequence: Number.MAX_SAFE_INTEGER, count: 2 }),
    brokenHead('count-zero', 'BLOCK-3.10', { count: 0 }),
    brokenHead('count-too-large', 'BLOCK-3.10', { count: 4097 }),
    brokenHead('span-reversed', 'BLOCK-3.11', { timeMin: 1, timeMax: 0 }),
    brokenHead('signed-not-shortest', 'BLOCK-2.3', { timeMin: Uint8Array.of(0x80, 0) }),
    brokenHead('signed-minus-zero', 'BLOCK-2.3', { timeMin: Uint8Array.of(1) }),
    brokenHead('signed-too-large', 'BLOCK-2.3', { timeMin: Uint8Array.of(128, 128, 128, 128, 128, 128, 128, 64) }),
  ];
}

function brokenColumns(): BlockVector[] {
  const zeros = new Uint8Array(100_000);
  const frame = new ZstdEncoder(1).encode(zeros, zeros.length) ?? zeros;
  const less = new ZstdEncoder(1).encode(zeros.subarray(0, 30), 30) ?? zeros;
  return [
    brokenTimes('encoding-undefined', 'BLOCK-4.2', [99, 0]),
    brokenTimes('column-beyond-block', 'BLOCK-4.3', [0, 100]),
    brokenTimes('zstd-broken', 'BLOCK-4.4', [0x80, 3, 16, 1, 2, 3]),
    brokenTimes('zstd-holds-more', 'BLOCK-4.4', [0x80, frame.length, 16, ...frame]),
    brokenTimes('zstd-holds-less', 'BLOCK-4.4', [0x80, less.length, 31, ...less]),
    brokenTimes('zstd-claims-too-much', 'BLOCK-4.5', [0x80, frame.length, 0xa0, 0x8d, 6, ...frame]),
    brokenTimes('content-too-long', 'BLOCK-4.5', [0, 0x81, 2, ...zeros.subarray(0, 257)]),
    brokenTimes('content-left-over', 'BLOCK-4.6', [0, 5, 1, 0, 20, 0, 0]),
  ];
}

function brokenValues(): BlockVector[] {
  return [
    brokenTimes('times-span-differs', 'BLOCK-5.3', [0, 4, 1, 0, 4, 0]),
    brokenTimes('time-not-whole', 'BLOCK-5.4', [1, 32, ...planesOf([0.5, 0, 10, 30])]),
    brokenTimes('time-not-a-number', 'BLOCK-5.4', [1, 32, ...planesOf([0, Number.NaN, 10, 30])]),
    brokenTimes('integer-beyond-2-47', 'BLOCK-6.1', content(0, 0, ...signed(2 ** 48), 0)),
    brokenTimes('form-undefined', 'BLOCK-6.2', [0, 4, 0x20, 0, 20, 0]),
    brokenTimes('prediction-undefined', 'BLOCK-6.2', [0, 4, 0x07, 0, 20, 0]),
    brokenTimes('unit-one', 'BLOCK-6.3', [0, 6, 0x09, 1, 0, 0, 20, 0]),
    brokenTimes('pitch-not-a-number', 'BLOCK-6.5', [
      0,
      11,
      3,
      0,
      ...new Uint8Array(Float64Array.of(Number.NaN).buffer),
      0,
    ]),
    brokenTimes('step-too-large', 'BLOCK-6.5', content(0, 1, 0, ...signed(2 ** 51), 0)),
    brokenTimes('width-too-large', 'BLOCK-6.6', [0, 4, 1, 0, 20, 52]),
    brokenTimes('patches-none', 'BLOCK-6.7', [0, 5, 0x11, 0, 20, 0, 0]),
    brokenTimes('patch-beyond-run', 'BLOCK-6.7', [0, 7, 0x11, 0, 20, 0, 1, 3, 0]),
    brokenTimes('patch-too-high', 'BLOCK-6.7', [0, 14, 0x11, 0, 20, 51, 1, 0, 255, 255, 255, 255, 255, 255, 255, 15]),
    brokenTimes('unused-bits-set', 'BLOCK-6.8', [0, 5, 1, 0, 20, 1, 0x08]),
    brokenNumbers('scale-form-undefined', 'BLOCK-7.3', [1, 5, 8, 0, 0, 0, 0]),
    brokenNumbers('exceptions-none', 'BLOCK-7.3', [1, 6, 4, 0, 0, 0, 0, 0]),
    brokenNumbers('exception-beyond-block', 'BLOCK-7.3', [1, 15, 4, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    brokenNumbers('divisor-zero', 'BLOCK-7.3', [1, 5, 3, 0, 0, 0, 0]),
    brokenNumbers('dictionary-too-large', 'BLOCK-7.4', [2, 2, 0x81, 2]),
    brokenNumbers('code-beyond-dictionary', 'BLOCK-7.4', [2, 12, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]),
    brokenNumbers('float32-too-wide', 'BLOCK-7.5', content(3, 0, ...signed(2 ** 31), 0)),
    brokenTexts('text-too-long', 'BLOCK-8.1', content(0, 0, ...signed(65_537), 0)),
    brokenTexts('text-length-negative', 'BLOCK-8.1', [0, 3, 0, 3, 0]),
    brokenTexts('text-not-utf8', 'BLOCK-8.1', [0, 7, 0, 2, 0, 0xff, 0x61, 0x61, 0x61]),
    brokenTexts('text-dictionary-empty', 'BLOCK-8.3', [1, 1, 0]),
    brokenTexts('text-code-beyond-dictionary', 'BLOCK-8.3', [1, 7, 1, 0, 0, 0, 0, 2, 0]),
  ];
}

function valid(name: string, samples: BlockSamples, part: Partial<BlockHeader> = {}): BlockVector {
  const header = { ...HEADER, ...part };
  return { name, bytes: encodeBlock(header, samples), expected: { block: describeContent(header, samples) } };
}

/** Bytes written by `write`, under a right checksum. */
function broken(name: string, clause: string, write: (out: ByteWriter) => void): BlockVector {
  const out = new ByteWriter();
  write(out);
  out.u32(crc32(out.written()));
  return { name: `refused-${name}`, bytes: out.toBytes(), expected: { refused: clause } };
}

interface Head {
  readonly type: number;
  readonly error: Uint8Array;
  readonly gateway: string | Uint8Array;
  readonly channel: string;
  readonly firstSequence: number;
  readonly count: number;
  readonly timeMin: number | Uint8Array;
  readonly timeMax: number;
}

/** A header by hand, right but for what `part` says: four samples at 0, 10, 20 and 30 microseconds. */
function writeHead(out: ByteWriter, part: Partial<Head> = {}): void {
  const head = {
    type: 0,
    error: Uint8Array.of(1),
    gateway: 'g',
    channel: 'c',
    firstSequence: 0,
    count: 4,
    timeMin: 0,
    timeMax: 30,
    ...part,
  };
  out.bytes(Uint8Array.of(0x43, 0x42, 1, head.type));
  out.bytes(head.error);
  if (typeof head.gateway === 'string') out.text(head.gateway);
  else out.bytes(head.gateway);
  out.bytes(new Uint8Array(8));
  out.text(head.channel);
  out.varint(head.firstSequence);
  out.varint(head.count);
  if (typeof head.timeMin === 'number') out.signed(head.timeMin);
  else out.bytes(head.timeMin);
  out.signed(head.timeMax);
}

/** Columns that are right: delta from 0 by 10 in no bits, and a plain run of 0. */
const FOUR_TIMES = Uint8Array.of(0, 4, 1, 0, 20, 0);
const FOUR_VALUES = Uint8Array.of(1, 4, 0, 0, 0, 0);

function brokenHead(name: string, clause: string, part: Partial<Head>): BlockVector {
  return broken(name, clause, (out) => writeHead(out, part));
}

function brokenTimes(name: string, clause: string, column: readonly number[]): BlockVector {
  return broken(name, clause, (out) => {
    writeHead(out);
    out.bytes(Uint8Array.from(column));
    if (clause !== 'BLOCK-4.3') out.bytes(FOUR_VALUES);
  });
}

function brokenNumbers(name: string, clause: string, column: readonly number[]): BlockVector {
  return broken(name, clause, (out) => {
    writeHead(out);
    out.bytes(FOUR_TIMES);
    out.bytes(Uint8Array.from(column));
  });
}

function brokenTexts(name: string, clause: string, column: readonly number[]): BlockVector {
  return broken(name, clause, (out) => {
    writeHead(out, { type: 3 });
    out.bytes(FOUR_TIMES);
    out.bytes(Uint8Array.from(column));
  });
}

/** A column that is not compressed. */
function content(encoding: number, ...bytes: readonly number[]): number[] {
  return [encoding, bytes.length, ...bytes];
}

function planesOf(values: readonly number[]): number[] {
  const bytes = new Uint8Array(Float64Array.from(values).buffer);
  return Array.from({ length: 8 }, (_, plane) => values.map((_, i) => bytes[i * 8 + plane] ?? 0)).flat();
}

function signed(value: number): Uint8Array {
  const out = new ByteWriter();
  out.signed(value);
  return out.toBytes();
}

function grid(count: number): Float64Array {
  return column(count, (i) => TIME + i * 10_000);
}

function column(count: number, value: (i: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => value(i));
}

/** A number from 0 to below `below` that looks random but is always the same for `i`. */
function noise(i: number, below: number): number {
  return Math.floor(((Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 32) * below);
}
