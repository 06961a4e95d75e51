import { FrameBatch } from '../../hardware/can/can-frame.ts';
import { openCanRecording } from '../../hardware/can/recording/can-recording.ts';
import { recordingContext } from '../../hardware/can/recording/frame-decoder.ts';
import { countFrames, type FrameCensus } from './frame-census.ts';

/** Frames of a recording that are looked at: every message that is sent more than rarely is among them. */
const SAMPLE_FRAMES = 20_000;

const BATCH_FRAMES = 1024;

/**
 * The frames at the beginning of a recording, counted by interface.
 * @throws NoRecordingError where the file is no recording of CAN frames; other errors where it cannot be read
 */
export async function censusOfRecording(path: string): Promise<Map<string, FrameCensus>> {
  const context = recordingContext();
  const recording = await openCanRecording(path, context);
  const censuses = new Map<string, FrameCensus>();
  const batch = new FrameBatch(BATCH_FRAMES);
  try {
    for (let seen = 0; seen < SAMPLE_FRAMES && (await recording.read(batch)); seen += batch.count, batch.clear()) {
      countFrames(censuses, context.interfaces.names, batch);
    }
  } finally {
    await recording.close();
  }
  return censuses;
}
