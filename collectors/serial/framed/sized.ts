import { FrameScanner } from '../frame-scanner.ts';

/** Frames that begin with known bytes and have a known length, or say it. */
export interface SizedShape {
  /** First bytes of every frame, at least one. */
  readonly sync: Uint8Array;
  /** Bytes of every frame, check included; undefined where `length` says it. */
  readonly bytes?: number;
  /** Where a frame says how long it is, counted from its first byte. */
  readonly length?: {
    readonly at: number;
    readonly type: 'u8' | 'u16';
    readonly isLittle: boolean;
    /** Bytes that the frame has more than it says. */
    readonly plus: number;
  };
}

export interface SizedListener {
  /** Takes a frame; false where it is none. Valid only until the call returns. */
  frame(bytes: Uint8Array): boolean;
  /** What began as a frame states a length that no frame has. */
  damaged(reason: 'bad-length'): void;
}

/** Cuts a stream into frames that begin with known bytes. */
export function sizedScanner(shape: SizedShape, frameBytesMax: number, listener: SizedListener): FrameScanner {
  const { sync, bytes: fixed, length } = shape;
  const headBytes =
    length === undefined ? sync.length : Math.max(sync.length, length.at + (length.type === 'u8' ? 1 : 2));
  const lengthAt = (bytes: Uint8Array, at: number): number => {
    for (let index = 0; index < sync.length; index += 1) {
      if (at + index === bytes.length) return headBytes;
      if (bytes[at + index] !== sync[index]) return 0;
    }
    if (length === undefined) return fixed ?? 0;
    if (at + headBytes > bytes.length) return headBytes;
    const total = statedLength(bytes, at + length.at, length) + length.plus;
    if (total >= headBytes && total <= frameBytesMax) return total;
    listener.damaged('bad-length');
    return 0;
  };
  return new FrameScanner({ lengthAt, take: (frame) => listener.frame(frame) }, Math.max(frameBytesMax, headBytes));
}

function statedLength(bytes: Uint8Array, at: number, { type, isLittle }: NonNullable<SizedShape['length']>): number {
  const first = bytes[at] ?? 0;
  if (type === 'u8') return first;
  const second = bytes[at + 1] ?? 0;
  return isLittle ? first | (second << 8) : (first << 8) | second;
}
