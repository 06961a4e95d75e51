import { Buffer } from 'node:buffer';
import { ByteReader, ByteWriter, listOf } from '../../gateway/store/bytes.ts';
import { ZstdDecoder, ZstdEncoder } from '../../gateway/store/zstd.ts';

/** Samples [first, end) of a channel and boot. */
export interface HeldRange {
  readonly boot: string;
  /** Name. */
  readonly channel: string;
  readonly first: number;
  readonly end: number;
}

/** Ranges of one request or receipt. A gateway asks for fewer. */
const RANGES_MAX = 1 << 16;

/** Bytes of ranges before zstd. */
const RANGES_BYTES_MAX = 8 << 20;
const NAME_BYTES_MAX = 512;
const BOOT_BYTES = 8;

const zstd = new ZstdEncoder(3);
const unzstd = new ZstdDecoder();

/** Writes ranges, in their order, as RECEIPT-3 lays down. */
export function writeRanges(out: ByteWriter, ranges: readonly HeldRange[]): void {
  const content = new ByteWriter(ranges.length * 24);
  content.varint(ranges.length);
  for (const { boot, channel, first, end } of ranges) {
    content.bytes(Buffer.from(boot, 'hex'));
    content.text(channel);
    content.varint(first);
    content.varint(end - first);
  }
  const plain = content.written();
  const frame = zstd.encode(plain, Number.POSITIVE_INFINITY) ?? plain;
  out.varint(plain.length);
  out.varint(frame.length);
  out.bytes(frame);
}

/** Throws CaissonError `peer-invalid` for what breaks RECEIPT-3. */
export function readRanges(input: ByteReader): HeldRange[] {
  const length = input.varintUpTo(RANGES_BYTES_MAX, '3', 'length of the ranges');
  const frame = input.take(input.varint());
  const content = new ByteReader(contentOf(input, frame, length), 'peer-invalid', 'RECEIPT');
  const ranges = listOf(content.varintUpTo(RANGES_MAX, '3', 'number of ranges'), () => {
    const boot = Buffer.from(content.take(BOOT_BYTES)).toString('hex');
    const channel = content.text(NAME_BYTES_MAX, '3', 'name of a channel');
    const first = content.varint();
    return { boot, channel, first, end: first + content.varint() };
  });
  if (content.remaining > 0) content.fail('3', `${content.remaining} bytes follow the ranges`);
  return ranges;
}

function contentOf(input: ByteReader, frame: Uint8Array, length: number): Uint8Array {
  try {
    // A copy: what is decoded is valid until the next frame only.
    return unzstd.decode(frame, length).slice();
  } catch (cause) {
    return input.fail('3', `ranges do not decompress to ${length} bytes`, cause);
  }
}
