import { Buffer } from 'node:buffer';
import { encodePackedFrame, type PackedChannel, type PackedFrame } from '../../../collectors/mqtt/packed-frame.ts';

/** A test vector of PACKED_FRAME.md: bytes, and what they mean or which clause they break. */
export interface PackedVector {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Base time and channels, values as hex of their bytes; or the clause that refuses the frame. */
  readonly expected: { readonly frame: DescribedFrame } | { readonly refused: string };
  /** False where a later writer put bytes that this version steps over: re-encoding gives a shorter frame. */
  readonly canonical?: boolean;
}

export interface DescribedFrame {
  readonly baseTimeUs: number;
  readonly channels: readonly Record<string, string | number>[];
}

/** A frame in a form that JSON keeps bit by bit. */
export function describeFrame(frame: PackedFrame): DescribedFrame {
  return { baseTimeUs: frame.baseTimeUs, channels: frame.channels.map(describeChannel) };
}

function describeChannel(channel: PackedChannel): Record<string, string | number> {
  const { type, name, firstUs, intervalUs, values } = channel;
  const scale = channel.type === 'i16' ? { gain: channel.gain, offset: channel.offset } : {};
  const hex = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');
  return { type, name, firstUs, intervalUs, samples: values.length, ...scale, valuesHex: hex };
}

/** Bits of a signalling and a quiet NaN with payloads, -0, the smallest denormal and both infinities. */
const ODD_DOUBLES = new Float64Array(
  BigUint64Array.of(
    0x7ff0_0000_0000_0001n,
    0xfff8_dead_beef_0042n,
    0x8000_0000_0000_0000n,
    1n,
    0x7ff0_0000_0000_0000n,
    0xfff0_0000_0000_0000n,
  ).buffer,
);

const pressure = {
  type: 'i16' as const,
  name: 'fl/pressure',
  firstUs: 0,
  intervalUs: 10_000,
  gain: 0.001,
  offset: 0,
  values: Int16Array.of(2000, -32_768, 2002),
} satisfies PackedChannel;
const temperature = {
  type: 'f32' as const,
  name: 'fl/temperature',
  firstUs: 5000,
  intervalUs: 0,
  values: Float32Array.of(81.5),
} satisfies PackedChannel;
const worked: PackedFrame = { baseTimeUs: 1.7e15, channels: [pressure, temperature] };
const bits = {
  type: 'bool' as const,
  name: '',
  firstUs: 0,
  intervalUs: 1,
  values: Uint8Array.of(0, 1, 1),
} satisfies PackedChannel;
const odd = {
  type: 'f64' as const,
  name: 'größe',
  firstUs: 0,
  intervalUs: 250,
  values: ODD_DOUBLES,
} satisfies PackedChannel;

/** Every vector; the one source of the files in test/vectors/packed-frame. */
export function packedVectors(): PackedVector[] {
  return [
    valid('worked-example', worked),
    valid('arrival-stamped', { ...worked, baseTimeUs: 0 }),
    valid('bool-without-name', { baseTimeUs: 1, channels: [bits] }),
    valid('odd-doubles', { baseTimeUs: Number.MAX_SAFE_INTEGER, channels: [odd] }),
    valid('no-samples', { baseTimeUs: 5, channels: [{ ...temperature, values: new Float32Array(0) }] }),
    extended('longer-header', worked, lengthenHeader),
    extended('bytes-behind-values', worked, lengthenRecord),
    {
      name: 'unknown-type',
      bytes: patched({ ...worked, channels: [temperature, pressure] }, 14 + 2, 99),
      expected: { frame: describeFrame({ ...worked, channels: [pressure] }) },
      canonical: false,
    },
    refused('empty', 'PF-1', new Uint8Array(0)),
    refused('header-cut', 'PF-1', encodePackedFrame(worked).subarray(0, 13)),
    refused('other-magic', 'PF-1.1', patched(worked, 1, 0x16)),
    refused('version-2', 'PF-1.2', patched(worked, 2, 2)),
    refused('header-too-short', 'PF-1.3', patched(worked, 3, 13)),
    refused('header-beyond-frame', 'PF-1.3', patched(worked, 3, 200)),
    refused('base-time-too-large', 'PF-1.4', patched(worked, 10, 0x20)),
    refused('no-channels', 'PF-4.1', patched(worked, 12, 0)),
    refused('record-missing', 'PF-2.1', patched(worked, 12, 3)),
    refused('record-too-short', 'PF-2.1', patched(worked, 14, 13)),
    refused('record-beyond-frame', 'PF-2.1', patched(worked, 15, 1)),
    refused('bytes-behind-last-record', 'PF-2.2', Buffer.concat([encodePackedFrame(worked), Buffer.of(0)])),
    refused('name-beyond-record', 'PF-2.3', patched(worked, 14 + 3, 200)),
    refused('name-not-utf8', 'PF-2.3', patched(worked, 14 + 14, 0xff)),
    refused('name-with-nul', 'PF-2.3', patched(worked, 14 + 14, 0)),
    refused('values-beyond-record', 'PF-2.4', patched(worked, 14 + 4, 4)),
    refused('gain-zero', 'PF-3.3', encodedWithGain(0)),
    refused('gain-nan', 'PF-3.3', encodedWithGain(Number.NaN)),
    refused('bool-two', 'PF-3.5', patched({ baseTimeUs: 1, channels: [bits] }, 14 + 14, 2)),
    refused('too-many-samples', 'PF-4.2', tooManySamples()),
  ];
}

function valid(name: string, frame: PackedFrame): PackedVector {
  return { name, bytes: encodePackedFrame(frame), expected: { frame: describeFrame(frame) } };
}

function extended(name: string, frame: PackedFrame, extend: (bytes: Uint8Array) => Uint8Array): PackedVector {
  return {
    name,
    bytes: extend(encodePackedFrame(frame)),
    expected: { frame: describeFrame(frame) },
    canonical: false,
  };
}

function refused(name: string, clause: string, bytes: Uint8Array): PackedVector {
  return { name, bytes, expected: { refused: clause } };
}

function patched(frame: PackedFrame, at: number, byte: number): Uint8Array {
  const bytes = encodePackedFrame(frame);
  bytes[at] = byte;
  return bytes;
}

function lengthenHeader(bytes: Uint8Array): Uint8Array {
  const longer = Buffer.concat([bytes.subarray(0, 14), Buffer.from('later'), bytes.subarray(14)]);
  longer[3] = 14 + 5;
  return longer;
}

function lengthenRecord(bytes: Uint8Array): Uint8Array {
  const longer = Buffer.concat([bytes, Buffer.from('later')]);
  longer.writeUInt16LE(longer.readUInt16LE(14 + 47) + 5, 14 + 47);
  return longer;
}

function encodedWithGain(gain: number): Uint8Array {
  const bytes = encodePackedFrame(worked);
  new DataView(bytes.buffer).setFloat64(14 + 14 + 11, gain, true);
  return bytes;
}

/** A record of unknown type that claims 65,535 samples, and one of two more. */
function tooManySamples(): Uint8Array {
  const two = { ...bits, values: Uint8Array.of(0, 1) };
  const bytes = encodePackedFrame({ baseTimeUs: 1, channels: [two, two] });
  bytes[14 + 2] = 99;
  new DataView(bytes.buffer).setUint16(14 + 4, 0xffff, true);
  return bytes;
}
