import type { Buffer } from 'node:buffer';
import type { Client, Metadata } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import type { BroughtCourierMessage, CourierPieceMessage, CourierStartMessage } from './courier-messages.ts';

/** Bytes as messages; the first one says what a relay must know. */
export async function* piecesOf(
  pieces: AsyncIterable<Uint8Array>,
  start: CourierStartMessage | undefined,
): AsyncGenerator<CourierPieceMessage> {
  let first = start;
  for await (const bytes of pieces) {
    yield { bytes, ...(first !== undefined && { start: first }) };
    first = undefined;
  }
  // All of it is there already.
  if (first !== undefined) yield { bytes: new Uint8Array(0), start: first };
}

/**
 * Sends the pieces of a courier file, no faster than the other end takes them, and returns what it says of the whole. Rejects with what
 * `errorOf` makes of a failed call, and with what the pieces themselves throw.
 */
export function sendPieces(
  client: Client,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<object, object>,
  metadata: Metadata,
  pieces: AsyncIterable<CourierPieceMessage>,
  errorOf: (thrown: unknown) => Error,
): Promise<BroughtCourierMessage> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let wake = () => {};
    const call = client.makeClientStreamRequest<CourierPieceMessage, BroughtCourierMessage>(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => BroughtCourierMessage,
      metadata,
      (error, response) => {
        isOver = true;
        wake();
        if (error === null && response !== undefined) resolve(response);
        else reject(errorOf(error));
      },
    );
    call.on('drain', () => wake());
    const send = async () => {
      for await (const piece of pieces) {
        // The server may answer before it has read all.
        if (isOver) return;
        if (call.write(piece)) continue;
        await new Promise<void>((drained) => {
          wake = drained;
          if (isOver) drained();
        });
      }
      call.end();
    };
    send().catch((error) => {
      call.cancel();
      reject(error);
    });
  });
}
