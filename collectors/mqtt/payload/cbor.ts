import { type DecodeOptions, decode, type TagDecoder } from 'cborg';
import { messageOf } from '../../../gateway/errors.ts';
import { PayloadError } from '../../payload/payload-error.ts';
import { UtcTime, utcMicroseconds } from './time.ts';

/** Bytes of a bignum. Larger ones are beyond what a float64 holds. */
const BIGNUM_BYTES_MAX = 128;

const TAG_TIME_TEXT = 0;
const TAG_TIME_NUMBER = 1;
const TAG_POSITIVE = 2;
const TAG_NEGATIVE = 3;
const TAG_DECIMAL = 4;

const TAGS: Readonly<Record<number, TagDecoder>> = {
  [TAG_TIME_TEXT]: (content) => new UtcTime(utcMicroseconds(content(), 'iso')),
  [TAG_TIME_NUMBER]: (content) => new UtcTime(utcMicroseconds(content(), 's')),
  [TAG_POSITIVE]: (content) => bignum(content()),
  [TAG_NEGATIVE]: (content) => -1n - bignum(content()),
  [TAG_DECIMAL]: (content) => decimal(content()),
};

/** A tag that says nothing to us leaves its content as it is (RFC 8949, 3.4). */
const untagged: TagDecoder = (content) => content();

const OPTIONS: DecodeOptions = {
  useMaps: true,
  tags: new Proxy(TAGS, { get: (tags, tag) => tags[Number(tag)] ?? untagged }),
};

/** First bytes of CBOR that names itself: tag 55799 (RFC 8949, 3.4.6). They begin neither UTF-8 nor a packed frame. */
const SELF_DESCRIBED = [0xd9, 0xd9, 0xf7] as const;

export function isSelfDescribedCbor(payload: Uint8Array): boolean {
  return SELF_DESCRIBED.every((byte, at) => payload[at] === byte);
}

/**
 * The value of a CBOR payload (RFC 8949): maps as `Map`, integers beyond 2^53 as bigint, tagged times as {@link UtcTime}.
 * Strings of indefinite length are not taken.
 * @throws PayloadError `cbor-invalid`, `time-invalid`
 */
export function decodeCbor(payload: Uint8Array): unknown {
  try {
    return decode(payload, OPTIONS);
  } catch (error) {
    if (error instanceof PayloadError) throw error;
    throw new PayloadError('cbor-invalid', messageOf(error));
  }
}

function bignum(bytes: unknown): bigint {
  if (!(bytes instanceof Uint8Array) || bytes.length > BIGNUM_BYTES_MAX) {
    throw new PayloadError('cbor-invalid', `a bignum is a byte string of at most ${BIGNUM_BYTES_MAX} bytes`);
  }
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** A decimal fraction [exponent, mantissa], rounded once. */
function decimal(parts: unknown): number {
  const [exponent, mantissa] = Array.isArray(parts) ? parts : [];
  const value = Number(`${mantissa}e${exponent}`);
  const isWhole = (part: unknown) => Number.isInteger(part) || typeof part === 'bigint';
  if (!isWhole(exponent) || !isWhole(mantissa)) {
    throw new PayloadError('cbor-invalid', 'a decimal fraction is [exponent, mantissa]');
  }
  return value;
}
