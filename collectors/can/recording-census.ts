import { FrameBatch } from '../../hardware/can/can-frame.ts';
import { openCanRecording } from '../../hardware/can/recording/can-recording.ts';
import { recordingContext } from '../../hardware/can/recording/frame-decoder.ts';
import { countFrames, type FrameCensus } from './frame-census.ts';

/** Frames of a recording that are looked at: every message that is sent more than rarely is among them. */
const SAMPLE_FRAMES = 20_000;

const BATCH_FRAMES = 1024;

/** What a recording of CAN frames holds. */
export interface RecordingCensus {
  /** Frames of any kind. */
  readonly frames: number;
  /** Time of the first frame that has one, UTC as the recording has it, microseconds. */
  readonly firstTime: number | undefined;
  /** What came on each interface. */
  readonly buses: ReadonlyMap<string, FrameCensus>;
}

/**
 * Counts all frames of a recording; of one that breaks off, those before.
 * @param utcOffsetUs what the clock of a recorder that writes local time was ahead of UTC, microseconds
 * @throws NoRecordingError where the file is no recording of CAN frames; other errors where it cannot be opened
 */
export async function wholeCensus(path: string, utcOffsetUs: number): Promise<RecordingCensus> {
  const census = { frames: 0, firstTime: undefined as number | undefined, buses: new Map<string, FrameCensus>() };
  await readFrames(path, utcOffsetUs, (batch, interfaces) => {
    census.frames += batch.count;
    census.firstTime ??= batch.times.subarray(0, batch.count).find((time) => !Number.isNaN(time));
    countFrames(census.buses, interfaces, batch);
    return true;
  });
  return census;
}

/**
 * The frames at the beginning of a recording, counted by interface.
 * @throws NoRecordingError where the file is no recording of CAN frames; other errors where it cannot be read
 */
export async function censusOfRecording(path: string): Promise<Map<string, FrameCensus>> {
  const censuses = new Map<string, FrameCensus>();
  let seen = 0;
  const broken = await readFrames(path, 0, (batch, interfaces) => {
    countFrames(censuses, interfaces, batch);
    seen += batch.count;
    return seen < SAMPLE_FRAMES;
  });
  if (broken !== undefined) throw broken;
  return censuses;
}

/** Reads frames for as long as `take` wants more. Resolves to why the recording could not be read further. */
async function readFrames(
  path: string,
  utcOffsetUs: number,
  take: (batch: FrameBatch, interfaces: readonly string[]) => boolean,
): Promise<unknown> {
  const context = recordingContext(utcOffsetUs);
  const recording = await openCanRecording(path, context);
  const batch = new FrameBatch(BATCH_FRAMES);
  try {
    while ((await recording.read(batch)) && take(batch, context.interfaces.names)) batch.clear();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await recording.close();
  }
}
