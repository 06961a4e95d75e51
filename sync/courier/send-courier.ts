import { createReadStream } from 'node:fs';
import type { BroughtCourierMessage } from '../api/courier-messages.ts';
import { filesOn } from './courier-files.ts';
import type { CourierRead } from './courier-reader.ts';

/** Bytes of one message. */
const PIECE_BYTES = 256 * 1024;

/** What takes courier files; `TelemetryClient` has it. */
export interface CourierTaker {
  bringCourier(pieces: AsyncIterable<Uint8Array>): Promise<BroughtCourierMessage>;
}

/** Brings all files of a medium to a central that runs. @throws CaissonError what the central says */
export async function* sendCourier(
  medium: string,
  central: CourierTaker,
): AsyncGenerator<CourierRead, void, undefined> {
  for (const path of filesOn(medium)) {
    const { outcome, samples, problem } = await central.bringCourier(
      createReadStream(path, { highWaterMark: PIECE_BYTES }),
    );
    const known = outcome === 'kept' || outcome === 'foreign' ? outcome : 'damaged';
    yield { path, outcome: known, samples, ...(problem !== '' && { problem }) };
  }
}
