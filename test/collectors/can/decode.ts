import { compileMessage, DecodedFrame } from '../../../collectors/can/dbc/compile.ts';
import type { DbcMessage } from '../../../collectors/can/dbc/dbc.ts';
import { FRAME_BYTES_MAX } from '../../../hardware/can/can-frame.ts';

/** Values of a frame's signals by name, and how many the frame was too short for. */
export function decodeOne(message: DbcMessage, data: Uint8Array): { values: Map<string, number>; tooShort: number } {
  const decode = compileMessage(message);
  const out = new DecodedFrame();
  // What lies around a frame in a batch must not matter.
  const bytes = new Uint8Array(3 * FRAME_BYTES_MAX + 8).fill(0xa5);
  bytes.set(data, FRAME_BYTES_MAX);
  decode(new DataView(bytes.buffer), FRAME_BYTES_MAX, data.length, out);
  const values = new Map<string, number>();
  for (let k = 0; k < out.count; k++) {
    values.set(message.signals[out.signals[k] ?? -1]?.name ?? 'no such signal', out.values[k] ?? Number.NaN);
  }
  return { values, tooShort: out.tooShort };
}
