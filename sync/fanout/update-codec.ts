import { loadProtos, serviceOf, TELEMETRY_SERVICE } from '../api/descriptor.ts';
import type { LiveUpdateMessage } from '../api/live-messages.ts';

/** Updates as bytes: the very messages that Subscribe answers with. */
export interface UpdateCodec {
  readonly encode: (update: LiveUpdateMessage) => Uint8Array;
  /** @throws Error for bytes that are no update */
  readonly decode: (bytes: Uint8Array) => LiveUpdateMessage;
}

export function updateCodec(): UpdateCodec {
  const { Subscribe } = serviceOf(loadProtos(), TELEMETRY_SERVICE);
  if (Subscribe === undefined) throw new Error(`no method Subscribe in ${TELEMETRY_SERVICE}`);
  return {
    encode: (update) => Subscribe.responseSerialize(update),
    decode: (bytes) => Subscribe.responseDeserialize(Buffer.from(bytes)) as unknown as LiveUpdateMessage,
  };
}
