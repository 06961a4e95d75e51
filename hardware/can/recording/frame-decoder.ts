import { ReasonCounts } from '../can-bus.ts';
import type { FrameBatch } from '../can-frame.ts';
import { InterfaceNames } from '../interface-names.ts';

/** Frames out of the bytes of a recording, fed in pieces of any length. It does no I/O. */
export interface FrameDecoder {
  /** Takes a piece, which must stay as it is until {@link read} has returned false. */
  feed(bytes: Uint8Array): void;
  /** Nothing follows what was fed; the rest of it comes with the next {@link read}. */
  end(): void;
  /** Adds frames to the batch: true when it is full, false when what was fed is used up. */
  read(batch: FrameBatch): boolean;
}

/** A recording of CAN frames of any format, read from front to back with bounded memory. */
export interface CanRecording {
  /** Adds the frames that come next. False when there are none left. Rejects where the file cannot be read further. */
  read(batch: FrameBatch): Promise<boolean>;
  /** Releases the file; a read that is under way ends, one way or the other. */
  close(): Promise<void>;
}

/** What the decoders of a recording share: where names and errors go, and what the file does not say itself. */
export interface RecordingContext {
  readonly interfaces: InterfaceNames;
  readonly errors: ReasonCounts;
  /** What the clock of a recorder that writes local time was ahead of UTC, microseconds. */
  readonly utcOffsetUs: number;
}

export function recordingContext(utcOffsetUs = 0): RecordingContext {
  return { interfaces: new InterfaceNames(), errors: new ReasonCounts(), utcOffsetUs };
}
