import type { handleUnaryCall, Metadata } from '@grpc/grpc-js';
import { type ConfigAnswer, type ConfigRequest, WATCH_S } from '../../gateway/config/offer/offer.ts';
import { CaissonError } from '../../gateway/errors.ts';
import type { ConfigAnswerMessage, GetConfigRequestMessage, OfferConfigRequestMessage } from '../api/fleet-messages.ts';
import { toGrpcStatus } from '../api/grpc-status.ts';
import type { ConfigPermission } from '../destinations/config-permission.ts';

/** Characters of what an offer is told apart by. */
const OFFER_ID = /^[\w.-]{1,64}$/;

export interface BoxConfigAnswers {
  /** Which central asks, where it may. */
  readonly mayAsk: ConfigPermission;
  readonly ask: (request: ConfigRequest) => Promise<ConfigAnswer>;
}

/** The methods of caisson.v1.BoxConfig at a gateway. */
export function boxConfigMethods({ mayAsk, ask }: BoxConfigAnswers): {
  readonly GetConfig: handleUnaryCall<GetConfigRequestMessage, ConfigAnswerMessage>;
  readonly OfferConfig: handleUnaryCall<OfferConfigRequestMessage, ConfigAnswerMessage>;
} {
  const answered = <Request>(
    requestOf: (request: Request, by: string) => ConfigRequest,
  ): handleUnaryCall<Request, ConfigAnswerMessage> => {
    const answer = async (request: Request, metadata: Metadata) => ask(requestOf(request, mayAsk(metadata)));
    return ({ request, metadata }, reply) => {
      answer(request, metadata).then(
        (told) => reply(null, told),
        (error: unknown) => reply(toGrpcStatus(error)),
      );
    };
  };
  return {
    GetConfig: answered(() => ({ kind: 'show' })),
    OfferConfig: answered(({ offer, yaml, dryRun, watchSeconds }, by) => {
      if (!OFFER_ID.test(offer)) {
        throw new CaissonError('offer-refused', `the offer is called '${offer}', expected 1 to 64 letters and digits`);
      }
      return { kind: 'offer', offer, by, yaml, dryRun, watchS: watchSeconds === 0 ? WATCH_S.usual : watchSeconds };
    }),
  };
}
