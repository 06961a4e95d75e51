import type { handleClientStreamingCall } from '@grpc/grpc-js';
import { CaissonError } from '../../gateway/errors.ts';
import type { BroughtCourierMessage, CourierPieceMessage } from './courier-messages.ts';
import { toGrpcStatus } from './grpc-status.ts';

/** Takes the bytes of one courier file; says what became of it. */
export type BringCourier = (pieces: AsyncIterable<Uint8Array>) => Promise<BroughtCourierMessage>;

/** Answers BringCourier; undefined: this server takes none. */
export function courierMethod(
  bring: BringCourier | undefined,
): handleClientStreamingCall<CourierPieceMessage, BroughtCourierMessage> {
  return (call, reply) => {
    const brought = bring === undefined ? Promise.reject(noCourier()) : bring(bytesOf(call));
    brought.then(
      (answer) => reply(null, answer),
      (error) => reply(toGrpcStatus(error)),
    );
  };
}

async function* bytesOf(pieces: AsyncIterable<CourierPieceMessage>): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of pieces) yield bytes;
}

function noCourier(): CaissonError {
  return new CaissonError('not-served', 'this server takes no courier files', {
    hint: 'a central does, which has the key that they are encrypted to in its --data',
  });
}
