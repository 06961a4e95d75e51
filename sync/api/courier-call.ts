import type { handleClientStreamingCall, Metadata } from '@grpc/grpc-js';
import { CaissonError } from '../../gateway/errors.ts';
import { callerOf } from '../trust/access-guard.ts';
import type { BroughtCourierMessage, CourierPieceMessage, CourierStartMessage } from './courier-messages.ts';
import { toGrpcStatus } from './grpc-status.ts';

/** What comes with the bytes of a courier file. */
export interface CourierOpening {
  /** Undefined where the sender takes this end for a central. */
  readonly start: CourierStartMessage | undefined;
  /** The gateway that sends, where connections are secure; undefined: whoever reaches this server. */
  readonly sender: string | undefined;
}

/** Takes the bytes of one courier file; says what became of it. */
export type BringCourier = (
  pieces: AsyncIterable<Uint8Array>,
  opening: CourierOpening,
) => Promise<BroughtCourierMessage>;

/** Answers BringCourier; undefined: this server takes none. */
export function courierMethod(
  bring: BringCourier | undefined,
): handleClientStreamingCall<CourierPieceMessage, BroughtCourierMessage> {
  return (call, reply) => {
    const brought = bring === undefined ? Promise.reject(noCourier()) : opened(call, call.metadata, bring);
    brought.then(
      (answer) => reply(null, answer),
      (error) => reply(toGrpcStatus(error)),
    );
  };
}

async function opened(
  messages: AsyncIterable<CourierPieceMessage>,
  metadata: Metadata,
  bring: BringCourier,
): Promise<BroughtCourierMessage> {
  const caller = callerOf(metadata);
  const pieces = messages[Symbol.asyncIterator]();
  const first = await pieces.next();
  const start = first.done === true ? undefined : first.value.start;
  const rest = async function* () {
    for (let next = first; next.done !== true; next = await pieces.next()) yield next.value.bytes;
  };
  return bring(rest(), { start, sender: caller?.role === 'gateway' ? caller.name : undefined });
}

function noCourier(): CaissonError {
  return new CaissonError('not-served', 'this server takes no courier files', {
    hint: 'a central does, which has the key that they are encrypted to in its --data, and a gateway with `relay` in its config',
  });
}
