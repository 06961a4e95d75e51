import {
  Metadata,
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
} from '@grpc/grpc-js';
import { CaissonError } from '../../gateway/errors.ts';
import { toGrpcStatus } from '../api/grpc-status.ts';
import { accessRefusal, requestRefusal } from './access.ts';
import type { Caller, Callers } from './callers.ts';
import { type PeerName, peerText } from './peer-name.ts';
import type { Peer } from './verify-peer.ts';

/** Under which the guard tells a handler who called. What a client writes there is overwritten. */
const CALLER_KEY = 'caisson-caller-bin';

/** Lets through what a caller may call and say; everything else is answered with the reason. */
export function accessGuard(callers: Callers, server: () => PeerName): ServerInterceptor {
  return (method, call) => {
    const caller = callers.of(call.getConnectionInfo());
    const peer = caller !== undefined && 'peer' in caller ? caller.peer : undefined;
    let isRefused = false;
    const refuse = (refusal: CaissonError) => {
      isRefused = true;
      call.sendStatus({ metadata: new Metadata(), details: '', code: 0, ...toGrpcStatus(refusal) });
    };
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        const refusal = accessRefusal(method.path, peer, server());
        if (caller !== undefined && 'judged' in caller) caller.judged(refusal === undefined);
        if (refusal !== undefined) return refuse(distrustOf(caller, server()) ?? refusal);
        metadata.remove(CALLER_KEY);
        if (peer !== undefined) metadata.set(CALLER_KEY, Buffer.from(JSON.stringify(peer)));
        next(metadata);
      })
      .withOnReceiveMessage((message, next) => {
        if (isRefused) return;
        const refusal = peer === undefined ? undefined : requestRefusal(method.path, peer, message);
        if (refusal === undefined) next(message);
        else refuse(refusal);
      })
      .withOnReceiveHalfClose((next) => {
        if (!isRefused) next();
      })
      .build();
    return guarded(call, listener);
  };
}

/** Who made a call, where the guard let it through and it was somebody. */
export function callerOf(metadata: Metadata): Peer | undefined {
  const [told] = metadata.get(CALLER_KEY);
  return told === undefined ? undefined : (JSON.parse(told.toString()) as Peer);
}

function guarded(
  call: ServerInterceptingCallInterface,
  listener: ReturnType<ServerListenerBuilder['build']>,
): ServerInterceptingCall {
  const responder = new ResponderBuilder().withStart((next) => next(listener)).build();
  return new ServerInterceptingCall(call, responder);
}

/** Why a certificate that was shown is not trusted, in the words of the server that says so. */
function distrustOf(caller: Caller | undefined, server: PeerName): CaissonError | undefined {
  if (caller === undefined || 'peer' in caller) return undefined;
  const { refusal } = caller;
  return new CaissonError('peer-untrusted', `${peerText(server)} does not trust this end: ${refusal.message}`, {
    cause: refusal,
    retryable: refusal.retryable,
    ...(refusal.hint !== undefined && { hint: refusal.hint }),
  });
}
