import { Buffer } from 'node:buffer';
import type { handleUnaryCall, Metadata } from '@grpc/grpc-js';
import { CaissonError } from '../../gateway/errors.ts';
import type { BringCourier } from '../api/courier-call.ts';
import { toGrpcStatus } from '../api/grpc-status.ts';
import type {
  AnswerCarriedRequestMessage,
  AnswerCarriedResponseMessage,
  AskCarriedRequestMessage,
  AskCarriedResponseMessage,
  CarriedFileStateMessage,
  CarriedStateName,
  ListCarriedRequestMessage,
  ListCarriedResponseMessage,
  TakeCarriedRequestMessage,
  TakeCarriedResponseMessage,
} from '../api/relay-messages.ts';
import { ANSWER_BYTES_MAX } from '../courier/courier-answer.ts';
import { destinationOf } from '../destinations/caller.ts';
import type { CarriedState, Depot } from './depot.ts';

/** Files of one answer, and bytes of the answers in one. */
const FILES_MAX = 256;
const ANSWERS_BYTES = 4 << 20;

const TAKE_BYTES_MAX = 1 << 20;

const STATES: Readonly<Record<CarriedState['state'], CarriedStateName>> = {
  unknown: 'CARRIED_STATE_UNKNOWN',
  part: 'CARRIED_STATE_PART',
  carried: 'CARRIED_STATE_CARRIED',
  answered: 'CARRIED_STATE_ANSWERED',
};

/** BringCourier at a relay. */
export function carriedBringing(depot: Depot): BringCourier {
  return async (pieces, opening) => {
    await depot.take(opening, pieces);
    return { outcome: 'carried', samples: 0, problem: '' };
  };
}

/** The methods of caisson.v1.Relay. */
export function relayMethods(depot: Depot): {
  readonly AskCarried: handleUnaryCall<AskCarriedRequestMessage, AskCarriedResponseMessage>;
  readonly ListCarried: handleUnaryCall<ListCarriedRequestMessage, ListCarriedResponseMessage>;
  readonly TakeCarried: handleUnaryCall<TakeCarriedRequestMessage, TakeCarriedResponseMessage>;
  readonly AnswerCarried: handleUnaryCall<AnswerCarriedRequestMessage, AnswerCarriedResponseMessage>;
} {
  return {
    AskCarried: answered(({ gateway, digests, done }) => {
      requireAtMost(FILES_MAX, digests.length, 'files asked for');
      for (const digest of done.slice(0, FILES_MAX)) depot.done(gateway, hex(digest));
      const files: CarriedFileStateMessage[] = [];
      let bytes = 0;
      for (const digest of digests) {
        const state = stateMessage(digest, depot.stateOf(gateway, hex(digest)));
        bytes += state.answer.length;
        if (bytes > ANSWERS_BYTES && files.length > 0) break;
        files.push(state);
      }
      return { files };
    }),
    ListCarried: answered((_request, metadata) => ({
      files: depot
        .filesFor(centralOf(metadata))
        .slice(0, FILES_MAX)
        .map(({ digest, gateway, bytes }) => ({ digest: Buffer.from(digest, 'hex'), gateway, bytes })),
    })),
    TakeCarried: answered(async ({ digest, offset, bytes }, metadata) => ({
      bytes: await depot.read(centralOf(metadata), hex(digest), offset, Math.min(bytes, TAKE_BYTES_MAX)),
    })),
    AnswerCarried: answered(({ digest, answer, problem }, metadata) => {
      requireAtMost(ANSWER_BYTES_MAX, answer.length, 'bytes of an answer');
      depot.answer(centralOf(metadata), hex(digest), { answer, problem });
      return {};
    }),
  };
}

function stateMessage(digest: Uint8Array, held: CarriedState): CarriedFileStateMessage {
  const { answer, problem } = held.state === 'answered' ? held : { answer: new Uint8Array(0), problem: '' };
  return { digest, state: STATES[held.state], bytes: 'bytes' in held ? held.bytes : 0, answer, problem };
}

function centralOf(metadata: Metadata): string {
  const central = destinationOf(metadata);
  if (central !== undefined) return central;
  throw new CaissonError('access-refused', 'what a relay carries is handed out to the central that it is for only');
}

function requireAtMost(most: number, value: number, what: string): void {
  if (value > most) throw new CaissonError('query-invalid', `${value} ${what}, expected at most ${most}`);
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest).toString('hex');
}

function answered<Request, Response>(
  answer: (request: Request, metadata: Metadata) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return ({ request, metadata }, reply) => {
    Promise.resolve()
      .then(() => answer(request, metadata))
      .then(
        (response) => reply(null, response),
        (error: unknown) => reply(toGrpcStatus(error)),
      );
  };
}
