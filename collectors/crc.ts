/** A cyclic redundancy check as catalogues describe it: width in bits, polynomial, start, reflection, last XOR. */
interface CrcModel {
  readonly width: 8 | 16 | 24 | 32;
  readonly poly: number;
  readonly init: number;
  /** Whether bits go least significant first, in and out. */
  readonly reflected: boolean;
  readonly xorOut: number;
}

/** Checks by name, as Greg Cook's catalogue of CRCs parametrises them. `crc16-ccitt` is the one that starts at FFFF. */
const MODELS = {
  crc8: { width: 8, poly: 0x07, init: 0, reflected: false, xorOut: 0 },
  'crc8-maxim': { width: 8, poly: 0x31, init: 0, reflected: true, xorOut: 0 },
  'crc8-j1850': { width: 8, poly: 0x1d, init: 0xff, reflected: false, xorOut: 0xff },
  'crc16-arc': { width: 16, poly: 0x8005, init: 0, reflected: true, xorOut: 0 },
  'crc16-ccitt': { width: 16, poly: 0x1021, init: 0xffff, reflected: false, xorOut: 0 },
  'crc16-kermit': { width: 16, poly: 0x1021, init: 0, reflected: true, xorOut: 0 },
  'crc16-modbus': { width: 16, poly: 0x8005, init: 0xffff, reflected: true, xorOut: 0 },
  'crc16-x25': { width: 16, poly: 0x1021, init: 0xffff, reflected: true, xorOut: 0xffff },
  'crc16-xmodem': { width: 16, poly: 0x1021, init: 0, reflected: false, xorOut: 0 },
  'crc24-q': { width: 24, poly: 0x864cfb, init: 0, reflected: false, xorOut: 0 },
  crc32: { width: 32, poly: 0x04c11db7, init: 0xffffffff, reflected: true, xorOut: 0xffffffff },
  'crc32-mpeg2': { width: 32, poly: 0x04c11db7, init: 0xffffffff, reflected: false, xorOut: 0 },
  crc32c: { width: 32, poly: 0x1edc6f41, init: 0xffffffff, reflected: true, xorOut: 0xffffffff },
} as const satisfies Record<string, CrcModel>;

export type CrcName = keyof typeof MODELS;

export const CRC_NAMES = Object.keys(MODELS) as readonly CrcName[];

/** A check over bytes `from` to `to - 1`, as an unsigned number. */
export type Crc = (bytes: Uint8Array, from: number, to: number) => number;

/** Bytes that a check takes in a frame. */
export function crcBytes(name: CrcName): number {
  return MODELS[name].width / 8;
}

/** The check of that name; its table is made here, so keep what is returned. */
export function makeCrc(name: CrcName): Crc {
  const model: CrcModel = MODELS[name];
  return model.reflected ? reflectedCrc(model) : forwardCrc(model);
}

function reflectedCrc({ width, poly, init, xorOut }: CrcModel): Crc {
  const reversed = reverseBits(poly, width);
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum & 1) === 1 ? (sum >>> 1) ^ reversed : sum >>> 1;
    return sum;
  });
  const start = reverseBits(init, width);
  return (bytes, from, to) => {
    let sum = start;
    for (let at = from; at < to; at += 1) sum = (sum >>> 8) ^ (table[(sum ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
    return (sum ^ xorOut) >>> 0;
  };
}

/** The sum is kept in the upper bits of 32, so that one loop serves every width. */
function forwardCrc({ width, poly, init, xorOut }: CrcModel): Crc {
  const shift = 32 - width;
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte << 24;
    for (let bit = 0; bit < 8; bit += 1) sum = sum < 0 ? (sum << 1) ^ (poly << shift) : sum << 1;
    return sum;
  });
  return (bytes, from, to) => {
    let sum = init << shift;
    for (let at = from; at < to; at += 1) sum = (sum << 8) ^ (table[(sum >>> 24) ^ (bytes[at] ?? 0)] ?? 0);
    return ((sum >>> shift) ^ xorOut) >>> 0;
  };
}

function reverseBits(value: number, width: number): number {
  let reversed = 0;
  for (let bit = 0; bit < width; bit += 1) reversed = (reversed << 1) | ((value >>> bit) & 1);
  return reversed >>> 0;
}
