import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { ByteWriter } from '../../../../gateway/store/bytes.ts';
import { encodePack, type PackBlock } from '../../../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../../../gateway/store/pack/pack.ts';
import type { BlockInfo, BlockSamples, PackHeader } from '../../../../gateway/store/pack/pack-info.ts';
import { ZstdEncoder } from '../../../../gateway/store/zstd.ts';
import type { BlockHeader } from './one-block.ts';
import { bitsOf, fromBits, HEADER, TIME } from './samples.ts';

/** The cases under test/vectors/pack: packs of every encoding and shape, and one broken in each way that a reader must refuse. */

/** A pack as the vector's .json has it; numbers and times as hex of their float64, little-endian, since JSON has no NaN. */
export interface DescribedPack extends Omit<PackHeader, 'clockErrorUs'> {
  /** null stands for unknown. */
  readonly clockErrorUs: number | null;
  readonly blocks: readonly DescribedBlock[];
}

export interface DescribedBlock extends Pick<BlockInfo, 'channel' | 'type' | 'firstSequence'> {
  readonly timesHex: string;
  readonly valuesHex?: string;
  readonly texts?: readonly string[];
}

export interface PackVector {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What the bytes hold, or the clause by which they are refused. */
  readonly expected: { readonly pack: DescribedPack } | { readonly refused: string };
}

export function describeContent(header: PackHeader, blocks: readonly PackBlock[]): DescribedPack {
  const { gateway, boot, stamp, clockSource, clockErrorUs } = header;
  return {
    ...{ gateway, boot, stamp, clockSource },
    clockErrorUs: Number.isFinite(clockErrorUs) ? clockErrorUs : null,
    blocks: blocks.map(({ channel, type, firstSequence, times, values }) => ({
      ...{ channel, type, firstSequence, timesHex: bitsOf(times) },
      ...(values instanceof Float64Array ? { valuesHex: bitsOf(values) } : { texts: values }),
    })),
  };
}

/** All of a pack, as its writer had it. */
export function contentOf(bytes: Uint8Array): { header: PackHeader; blocks: PackBlock[] } {
  const pack = Pack.open(bytes);
  const blocks = pack.blocks.map(({ channel, type, firstSequence }, i) => ({
    ...{ channel, type, firstSequence },
    ...pack.samples(i),
  }));
  return { header: pack.header, blocks };
}

const SHORT: BlockSamples = { times: grid(4), values: Float64Array.of(0.25, 0.5, 0.5, -0) };

export function packVectors(): PackVector[] {
  return [...validVectors(), ...validPacks(), ...brokenFrames(), ...brokenDirectories(), ...brokenColumns()];
}

function validVectors(): PackVector[] {
  return [
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

/** What only packs of several blocks have. */
function validPacks(): PackVector[] {
  const times = column(600, (i) => TIME + i * 10_000 + noise(i, 9));
  const wheel = (corner: number) => column(600, (i) => noise(i * 7 + corner, 3000) / 10);
  const three = Float64Array.of(TIME, TIME + 10_000, TIME + 20_001);
  return [
    validPack('worked-example', [
      { ...HEADER, times: three, values: Float64Array.of(812, 813, 811) },
      { ...HEADER, channel: 'car7/engine/torque', times: three, values: Float64Array.of(12.5, 12.5, 13) },
    ]),
    validPack(
      'frame-of-four',
      ['fl', 'fr', 'rl', 'rr'].map((corner, i) => ({
        ...{ channel: `car7/wheel/${corner}/speed`, type: 'number' as const, firstSequence: 4096 * i },
        ...{ times: times.slice(), values: wheel(i) },
      })),
    ),
    validPack(
      'slow-channels',
      Array.from({ length: 40 }, (_, i) => ({
        ...{ channel: `plant/pump ${i}/pressure`, type: 'number' as const, firstSequence: 60 * i },
        times: column(60, (k) => TIME + k * 1_000_000 + noise(i * 60 + k, 900)),
        values: column(60, (k) => (400 + noise(i * 60 + k, 30)) / 100),
      })),
    ),
    validPack('kinds-mixed', [
      { channel: 'a', type: 'bool', firstSequence: 0, times: grid(4), values: column(4, (i) => i % 2) },
      { channel: 'ab', type: 'text', firstSequence: 7, times: grid(4), values: ['a', 'b', 'b', ''] },
      { channel: 'b', type: 'number', firstSequence: 7, times: grid(3), values: column(3, (i) => i / 4) },
      { channel: 'aü', type: 'enum', firstSequence: 7, times: grid(4), values: column(4, () => 3) },
    ]),
    validPack('times-relative', lateTogether(3, 400)),
    validPack(
      'times-relative-chain',
      lateTogether(7, 120).map((block, i) => ({
        ...block,
        times: block.times.map((time, k) => time + noise(11 * i + k, 40)).subarray(i % 3, 120 - (i >> 1)),
        values: block.values.slice(i % 3, 120 - (i >> 1)) as Float64Array,
      })),
    ),
    validPack('times-wide', [
      {
        channel: 'a',
        type: 'number',
        firstSequence: 0,
        times: Float64Array.of(-(2 ** 53 - 1)),
        values: column(1, () => 1),
      },
      {
        channel: 'b',
        type: 'number',
        firstSequence: 0,
        times: Float64Array.of(2 ** 53 - 1),
        values: column(1, () => 1),
      },
    ]),
  ];
}

/** Frames that follow each other, each as late as the one before: most of what one tells of its times is told by another. */
function lateTogether(frames: number, count: number): PackBlock[] {
  const late = column(count, (i) => noise(i * 31, 9000));
  return Array.from({ length: frames }, (_, frame) => ({
    ...{ channel: `car7/radar/track ${frame}/range`, type: 'number' as const, firstSequence: 0 },
    times: column(count, (i) => TIME + i * 50_000 + (late[i] ?? 0) + 240 * frame + noise(i * 7 + frame, 12)),
    values: column(count, (i) => (300 + noise(i * 13 + frame, 20)) / 10),
  }));
}

/** As many time columns, each of which refers to the one before it with that shift. */
function referring(columns: number, shift: number): Partial<Hand> {
  const each = <Value>(value: Value) => Array.from({ length: columns }, () => value);
  const relative = [1, ...signed(shift), 0, 0, 0];
  return {
    ...{ times: [columns], blocks: [columns], counts: each(4), mins: each(0), spans: each(30) },
    ...{ timeEncodings: [0, ...each(2).slice(1)], timeLengths: [4, ...each(relative.length).slice(1)] },
    ...{ shared: each(0), own: each(1), names: each(0x61).map((name, i) => name + i), types: each(0) },
    ...{ sequences: each(0), timesOf: each(0).map((_, i) => i), encodings: each(1), lengths: each(4) },
    sectionColumns: [2 * columns],
    sections: [...FOUR_TIMES, ...each(relative).slice(1).flat(), ...each(FOUR_VALUES).flat()],
  };
}

function brokenFrames(): PackVector[] {
  const bytes = encodePack(HEADER, [{ ...HEADER, ...SHORT }]);
  const zeros = new Uint8Array(100_000);
  const frame = new ZstdEncoder(1).encode(zeros, zeros.length) ?? zeros;
  const flipped = bytes.map((byte, i) => (i === 20 ? byte ^ 1 : byte));
  const directory = Array.from(directoryBytes({}));
  return [
    { name: 'empty', bytes: new Uint8Array(0), expected: { refused: 'PACK-1.4' } },
    { name: 'checksum-differs', bytes: flipped, expected: { refused: 'PACK-1.4' } },
    { name: 'cut', bytes: bytes.slice(0, -1), expected: { refused: 'PACK-1.4' } },
    broken('magic', 'PACK-1.1', [...Buffer.from('CX')]),
    broken('version', 'PACK-1.2', [...Buffer.from('CP\u0001')]),
    broken('flags-undefined', 'PACK-1.3', [0x43, 0x50, 2, 2]),
    broken('bytes-left-over', 'PACK-1.6', [...handPack({}), 0]),
    broken('cut-with-checksum', 'PACK-2.1', [...bytes.subarray(0, 30)]),
    broken('directory-too-long', 'PACK-2.4', [0x43, 0x50, 2, 1, frame.length, ...varint(262_145), ...frame]),
    broken('directory-zstd-broken', 'PACK-2.5', [0x43, 0x50, 2, 1, 3, 16, 1, 2, 3]),
    broken('directory-holds-more', 'PACK-2.5', [0x43, 0x50, 2, 1, frame.length, 16, ...frame]),
    broken('directory-left-over', 'PACK-3.7', [0x43, 0x50, 2, 0, directory.length + 1, ...directory, 0]),
  ];
}

function brokenDirectories(): PackVector[] {
  const two = {
    ...{ blocks: [2], shared: [0, 0], own: [1, 1], names: [...Buffer.from('cd')], types: [0, 0], sequences: [0, 0] },
    ...{ timesOf: [0, 0], encodings: [1, 1], lengths: [4, 4], sectionColumns: [3] },
    sections: [...FOUR_TIMES, ...FOUR_VALUES, ...FOUR_VALUES],
  };
  return [
    brokenHead('clock-source-undefined', 'PACK-3.2', { flags: [6] }),
    brokenHead('flag-undefined', 'PACK-3.2', { flags: [0x20] }),
    brokenHead('integer-not-shortest', 'PACK-2.2', { error: [0x80, 0] }),
    brokenHead('integer-too-large', 'PACK-2.2', { error: [255, 255, 255, 255, 255, 255, 255, 127] }),
    brokenHead('integer-too-long', 'PACK-2.2', { error: [255, 255, 255, 255, 255, 255, 255, 255, 1] }),
    brokenHead('gateway-empty', 'PACK-3.4', { gateway: [0] }),
    brokenHead('gateway-too-long', 'PACK-3.4', { gateway: text('g'.repeat(65)) }),
    brokenHead('gateway-not-utf8', 'PACK-3.4', { gateway: [2, 0xc3, 0x28] }),
    brokenHead('times-none', 'PACK-3.6', { times: [0] }),
    brokenHead('times-more-than-blocks', 'PACK-3.6', { times: [2] }),
    brokenHead('blocks-too-many', 'PACK-3.6', { blocks: varint(257) }),
    brokenHead('count-zero', 'PACK-4.1', { counts: [0] }),
    brokenHead('count-too-large', 'PACK-4.1', { counts: varint(4097) }),
    brokenHead('signed-not-shortest', 'PACK-2.3', { mins: [0x80, 0] }),
    brokenHead('signed-minus-zero', 'PACK-2.3', { mins: [1] }),
    brokenHead('signed-too-large', 'PACK-2.3', { mins: [128, 128, 128, 128, 128, 128, 128, 64] }),
    brokenHead('span-beyond-2-53', 'PACK-4.3', { mins: signed(2 ** 53 - 1), spans: [1] }),
    brokenHead('span-reversed', 'PACK-4.3', { flags: [0x10], mins: [2], spans: [0] }),
    brokenHead('times-claim-too-much', 'PACK-4.4', { timeLengths: varint(64 + 32 * 4 + 1) }),
    brokenHead('channel-empty', 'PACK-5.1', { own: [0], names: [] }),
    brokenHead('channel-too-long', 'PACK-5.1', { own: varint(513) }),
    brokenHead('channel-shares-too-much', 'PACK-5.1', { shared: [1] }),
    brokenHead('channel-not-utf8', 'PACK-5.1', { names: [0xc3] }),
    brokenHead('channel-twice', 'PACK-5.1', { ...two, names: [...Buffer.from('cc')] }),
    brokenHead('type-undefined', 'PACK-5.2', { types: [4] }),
    brokenHead('sequence-beyond-2-53', 'PACK-5.3', { sequences: signed(2 ** 53 - 1) }),
    brokenHead('sequence-negative', 'PACK-5.3', { sequences: signed(-1) }),
    brokenHead('time-column-beyond', 'PACK-5.4', { timesOf: [1] }),
    brokenHead('time-column-unused', 'PACK-5.4', {
      ...two,
      ...{ times: [2], counts: [4, 4], mins: [0, 0], spans: [30, 30], timeEncodings: [0, 0], timeLengths: [4, 4] },
    }),
    brokenHead('values-claim-too-much', 'PACK-5.5', { lengths: varint(64 + 32 * 4 + 1) }),
    brokenHead('section-empty', 'PACK-6.1', { sectionsLength: [2], sectionColumns: [2, 0], frames: [0, 0] }),
    brokenHead('section-of-too-many', 'PACK-6.1', { sectionColumns: [3] }),
    brokenHead('section-missing', 'PACK-6.1', { sectionColumns: [1] }),
    brokenHead('section-beyond-pack', 'PACK-6.2', { frames: [100] }),
    brokenHead('shared-section-too-long', 'PACK-6.4', {
      ...{ counts: varint(4096), timeLengths: varint(40_000), lengths: varint(40_000), frames: [3] },
      sections: [1, 2, 3],
    }),
  ];
}

function brokenColumns(): PackVector[] {
  const zeros = new Uint8Array(30);
  const less = [...(new ZstdEncoder(1).encode(zeros, 30) ?? zeros)];
  const compressed = (length: number, frame: readonly number[]): Partial<Hand> => ({
    ...{ sectionsLength: [2], sectionColumns: [1, 1], frames: [frame.length, 0], timeLengths: [length] },
    sections: [...frame, ...FOUR_VALUES],
  });
  return [
    brokenHead('zstd-broken', 'PACK-6.3', compressed(16, [1, 2, 3])),
    brokenHead('zstd-holds-more', 'PACK-6.3', compressed(16, less)),
    brokenHead('zstd-holds-less', 'PACK-6.3', compressed(31, less)),
    brokenTimes('encoding-undefined', 'BLOCK-4.2', 99, []),
    brokenTimes('content-left-over', 'BLOCK-4.6', 0, [1, 0, 20, 0, 0]),
    brokenTimes('column-cut', 'BLOCK-2.1', 0, [1, 0]),
    brokenTimes('column-integer-not-shortest', 'BLOCK-2.2', 0, [0x09, 0x80, 0]),
    brokenTimes('column-signed-not-shortest', 'BLOCK-2.3', 0, [1, 0x80, 0, 20, 0]),
    brokenTimes('times-span-differs', 'BLOCK-5.3', 0, [1, 0, 4, 0]),
    brokenTimes('time-not-whole', 'BLOCK-5.4', 1, planesOf([0.5, 0, 10, 30])),
    brokenTimes('time-not-a-number', 'BLOCK-5.4', 1, planesOf([0, Number.NaN, 10, 30])),
    brokenTimes('reference-none', 'BLOCK-5.5', 2, [0, 0, 0, 0, 0]),
    brokenTimes('reference-beyond-pack', 'BLOCK-5.5', 2, [1, 0, 0, 0, 0]),
    brokenHead('shift-too-large', 'BLOCK-5.5', referring(2, 4097)),
    brokenHead('reference-shifted-away', 'BLOCK-5.3', referring(2, 1)),
    brokenHead('references-too-many', 'BLOCK-5.6', referring(6, 0)),
    brokenTimes('integer-beyond-2-47', 'BLOCK-6.1', 0, [0, ...signed(2 ** 48), 0]),
    brokenTimes('form-undefined', 'BLOCK-6.2', 0, [0x20, 0, 20, 0]),
    brokenTimes('prediction-undefined', 'BLOCK-6.2', 0, [0x07, 0, 20, 0]),
    brokenTimes('unit-one', 'BLOCK-6.3', 0, [0x09, 1, 0, 0, 20, 0]),
    brokenTimes('pitch-not-a-number', 'BLOCK-6.5', 0, [3, 0, ...bytesOf(Number.NaN), 0]),
    brokenTimes('step-too-large', 'BLOCK-6.5', 0, [1, 0, ...signed(2 ** 51), 0]),
    brokenTimes('width-too-large', 'BLOCK-6.6', 0, [1, 0, 20, 52]),
    brokenTimes('patches-none', 'BLOCK-6.7', 0, [0x11, 0, 20, 0, 0]),
    brokenTimes('patch-beyond-run', 'BLOCK-6.7', 0, [0x11, 0, 20, 0, 1, 3, 0]),
    brokenTimes('patch-too-high', 'BLOCK-6.7', 0, [0x11, 0, 20, 51, 1, 0, 255, 255, 255, 255, 255, 255, 255, 15]),
    brokenTimes('unused-bits-set', 'BLOCK-6.8', 0, [1, 0, 20, 1, 0x08]),
    brokenNumbers('scale-form-undefined', 'BLOCK-7.3', 1, [8, 0, 0, 0, 0]),
    brokenNumbers('exceptions-none', 'BLOCK-7.3', 1, [4, 0, 0, 0, 0, 0]),
    brokenNumbers('exception-beyond-block', 'BLOCK-7.3', 1, [4, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    brokenNumbers('divisor-zero', 'BLOCK-7.3', 1, [3, 0, 0, 0, 0]),
    brokenNumbers('dictionary-too-large', 'BLOCK-7.4', 2, varint(257)),
    brokenNumbers('code-beyond-dictionary', 'BLOCK-7.4', 2, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]),
    brokenNumbers('float32-too-wide', 'BLOCK-7.5', 3, [0, ...signed(2 ** 31), 0]),
    brokenTexts('text-too-long', 'BLOCK-8.1', 0, [0, ...signed(65_537), 0]),
    brokenTexts('text-length-negative', 'BLOCK-8.1', 0, [0, 3, 0]),
    brokenTexts('text-not-utf8', 'BLOCK-8.1', 0, [0, 2, 0, 0xff, 0x61, 0x61, 0x61]),
    brokenTexts('text-dictionary-empty', 'BLOCK-8.3', 1, [0]),
    brokenTexts('text-code-beyond-dictionary', 'BLOCK-8.3', 1, [1, 0, 0, 0, 0, 2, 0]),
  ];
}

/** A pack of one block. */
function valid(name: string, samples: BlockSamples, part: Partial<BlockHeader> = {}): PackVector {
  const header = { ...HEADER, ...part };
  const { channel, type, firstSequence } = header;
  return validPack(name, [{ channel, type, firstSequence, ...samples }], header);
}

function validPack(name: string, blocks: readonly PackBlock[], header: PackHeader = HEADER): PackVector {
  return { name, bytes: encodePack(header, blocks), expected: { pack: describeContent(header, blocks) } };
}

/** Bytes under a right checksum. */
function broken(name: string, clause: string, body: readonly number[]): PackVector {
  const out = new ByteWriter();
  out.bytes(Uint8Array.from(body));
  out.u32(crc32(out.written()));
  return { name: `refused-${name}`, bytes: out.toBytes(), expected: { refused: clause } };
}

/** Columns that are right: delta from 0 by 10 in no bits, and a plain run of 0. */
const FOUR_TIMES = [1, 0, 20, 0];
const FOUR_VALUES = [0, 0, 0, 0];

/** A pack by hand, field by field as bytes, right but for what is set: one block of four samples at 0, 10, 20 and 30 us. */
const HAND = {
  flags: [0],
  error: [1],
  gateway: [1, 0x67],
  boot: [0, 0, 0, 0, 0, 0, 0, 0],
  times: [1],
  blocks: [1],
  sectionsLength: [1],
  counts: [4],
  mins: [0],
  spans: [30],
  timeEncodings: [0],
  timeLengths: [4],
  shared: [0],
  own: [1],
  names: [0x63],
  types: [0],
  sequences: [0],
  timesOf: [0],
  encodings: [1],
  lengths: [4],
  sectionColumns: [2],
  frames: [0],
  sections: [...FOUR_TIMES, ...FOUR_VALUES],
};
type Hand = typeof HAND;

function directoryBytes(part: Partial<Hand>): number[] {
  const { sections: _, ...directory } = { ...HAND, ...part };
  return Object.values(directory).flat();
}

function handPack(part: Partial<Hand>): number[] {
  const directory = directoryBytes(part);
  return [0x43, 0x50, 2, 0, ...varint(directory.length), ...directory, ...(part.sections ?? HAND.sections)];
}

function brokenHead(name: string, clause: string, part: Partial<Hand>): PackVector {
  return broken(name, clause, handPack(part));
}

function brokenTimes(name: string, clause: string, encoding: number, content: readonly number[]): PackVector {
  const sections = [...content, ...FOUR_VALUES];
  return brokenHead(name, clause, { timeEncodings: [encoding], timeLengths: varint(content.length), sections });
}

function brokenNumbers(
  name: string,
  clause: string,
  encoding: number,
  content: readonly number[],
  types = [0],
): PackVector {
  const sections = [...FOUR_TIMES, ...content];
  return brokenHead(name, clause, { types, encodings: [encoding], lengths: varint(content.length), sections });
}

function brokenTexts(name: string, clause: string, encoding: number, content: readonly number[]): PackVector {
  return brokenNumbers(name, clause, encoding, content, [3]);
}

function planesOf(values: readonly number[]): number[] {
  const bytes = new Uint8Array(Float64Array.from(values).buffer);
  return Array.from({ length: 8 }, (_, plane) => values.map((_, i) => bytes[i * 8 + plane] ?? 0)).flat();
}

function written(write: (out: ByteWriter) => void): number[] {
  const out = new ByteWriter();
  write(out);
  return [...out.written()];
}

function varint(value: number): number[] {
  return written((out) => out.varint(value));
}

function signed(value: number): number[] {
  return written((out) => out.signed(value));
}

function text(value: string): number[] {
  return written((out) => out.text(value));
}

function bytesOf(value: number): number[] {
  return written((out) => out.f64(value));
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
