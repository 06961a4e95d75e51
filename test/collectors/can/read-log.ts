import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { FRAME_EXTENDED, FrameBatch } from '../../../hardware/can/can-frame.ts';
import { decoderOf } from '../../../hardware/can/recording/can-recording.ts';
import { recordingContext } from '../../../hardware/can/recording/frame-decoder.ts';

export interface RecordedFrame {
  readonly bus: string;
  readonly id: number;
  readonly extended: boolean;
  readonly data: Uint8Array;
  readonly time: number;
}

/** All frames of a packed recording. */
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
    for (let i = 0; i < batch.count; i++) {
      frames.push({
        bus: context.interfaces.names[batch.interfaces[i] ?? 0] ?? '',
        id: batch.ids[i] ?? 0,
        extended: ((batch.flags[i] ?? 0) & FRAME_EXTENDED) !== 0,
        data: batch.data.slice(i * 64, i * 64 + (batch.lengths[i] ?? 0)),
        time: batch.times[i] ?? 0,
      });
    }
  }
  return frames;
}
