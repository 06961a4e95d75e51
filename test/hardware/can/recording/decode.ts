import { Buffer } from 'node:buffer';
import { FRAME_BYTES_MAX, FRAME_REMOTE, FrameBatch } from '../../../../hardware/can/can-frame.ts';
import { decoderOf, openCanRecording } from '../../../../hardware/can/recording/can-recording.ts';
import {
  type CanRecording,
  type RecordingContext,
  recordingContext,
} from '../../../../hardware/can/recording/frame-decoder.ts';
import type { RecordingFormat } from '../../../../hardware/can/recording/recording-format.ts';

/** A frame as a recording has it. */
export interface Line {
  readonly time: number;
  readonly bus: string;
  readonly id: number;
  readonly flags: number;
  readonly length: number;
  readonly data: string;
}

export interface Decoded {
  readonly lines: Line[];
  readonly errors: Record<string, number>;
  readonly places: Record<string, string>;
}

function linesOf(batch: FrameBatch, names: readonly string[]): Line[] {
  return Array.from({ length: batch.count }, (_, i) => {
    const [flags = 0, length = 0] = [batch.flags[i], batch.lengths[i]];
    const bytes = (flags & FRAME_REMOTE) === 0 ? length : 0;
    const data = Buffer.from(batch.data.subarray(i * FRAME_BYTES_MAX, i * FRAME_BYTES_MAX + bytes)).toString('hex');
    const bus = names[batch.interfaces[i] ?? 0] ?? '';
    return { time: batch.times[i] ?? 0, bus, id: batch.ids[i] ?? 0, flags, length, data };
  });
}

/** Frames of a recording fed in these pieces. */
export function decodePieces(
  format: Exclude<RecordingFormat, 'mf4'>,
  pieces: readonly Uint8Array[],
  { capacity = 64, utcOffsetUs = 0 } = {},
): Decoded {
  const context = recordingContext(utcOffsetUs);
  const decoder = decoderOf(format, context);
  const batch = new FrameBatch(capacity);
  const lines: Line[] = [];
  const take = () => {
    for (let isMore = true; isMore; batch.clear()) {
      isMore = decoder.read(batch);
      lines.push(...linesOf(batch, context.interfaces.names));
    }
  };
  for (const piece of pieces) {
    decoder.feed(piece);
    take();
  }
  decoder.end();
  take();
  return { lines, errors: { ...context.errors.counts }, places: { ...context.errors.places } };
}

/** Frames of a file, whatever its format. */
export function readRecording(path: string, utcOffsetUs = 0): Promise<Decoded> {
  return decodeAll((context) => openCanRecording(path, context), utcOffsetUs);
}

/** Frames of what `open` opens. */
export async function decodeAll(
  open: (context: RecordingContext) => Promise<CanRecording>,
  utcOffsetUs = 0,
): Promise<Decoded> {
  const context = recordingContext(utcOffsetUs);
  const recording = await open(context);
  const batch = new FrameBatch(256);
  const lines: Line[] = [];
  for (; await recording.read(batch); batch.clear()) lines.push(...linesOf(batch, context.interfaces.names));
  await recording.close();
  return { lines, errors: { ...context.errors.counts }, places: { ...context.errors.places } };
}

/** Where a recording gives other frames when it is cut in two at a place, or fed byte by byte; empty where it never does. */
export function differingSplits(format: Exclude<RecordingFormat, 'mf4'>, wire: Uint8Array): (number | 'bytes')[] {
  const expected = JSON.stringify(decodePieces(format, [wire]));
  const differs = (pieces: readonly Uint8Array[]) =>
    JSON.stringify(decodePieces(format, pieces, { capacity: 3 })) !== expected;
  const cuts: (number | 'bytes')[] = Array.from(wire.keys()).filter((cut) =>
    differs([wire.subarray(0, cut), wire.subarray(cut)]),
  );
  if (differs(Array.from(wire, (byte) => Uint8Array.of(byte)))) cuts.push('bytes');
  return cuts;
}
