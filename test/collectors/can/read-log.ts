import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { FRAME_EXTENDED, FrameBatch } from '../../../hardware/can/can-frame.ts';
import { decoderOf, openCanRecording } from '../../../hardware/can/recording/can-recording.ts';
import { recordingContext } from '../../../hardware/can/recording/frame-decoder.ts';

export interface RecordedFrame {
  readonly bus: string;
  readonly id: number;
  readonly extended: boolean;
  readonly data: Uint8Array;
  readonly time: number;
}

/** All frames of a packed candump log. */
export function readLog(path: string): RecordedFrame[] {
  const bytes = gunzipSync(readFileSync(path));
  const context = recordingContext();
  const decoder = decoderOf('candump', context);
  const batch = new FrameBatch(1024);
  const frames: RecordedFrame[] = [];
  decoder.feed(bytes);
  decoder.end();
  for (let isMore = true; isMore; batch.clear()) {
    isMore = decoder.read(batch);
    frames.push(...framesOf(batch, context.interfaces.names));
  }
  return frames;
}

/** All frames of a recording of any format. */
export async function readFrames(path: string): Promise<RecordedFrame[]> {
  const context = recordingContext();
  const recorded = await openCanRecording(path, context);
  const batch = new FrameBatch(1024);
  const frames: RecordedFrame[] = [];
  for (; await recorded.read(batch); batch.clear()) frames.push(...framesOf(batch, context.interfaces.names));
  await recorded.close();
  return frames;
}

function framesOf(batch: FrameBatch, names: readonly string[]): RecordedFrame[] {
  return Array.from({ length: batch.count }, (_, i) => ({
    bus: names[batch.interfaces[i] ?? 0] ?? '',
    id: batch.ids[i] ?? 0,
    extended: ((batch.flags[i] ?? 0) & FRAME_EXTENDED) !== 0,
    data: batch.data.slice(i * 64, i * 64 + (batch.lengths[i] ?? 0)),
    time: batch.times[i] ?? 0,
  }));
}
