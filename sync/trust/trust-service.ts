import { type handleUnaryCall, status } from '@grpc/grpc-js';
import { toGrpcStatus } from '../api/grpc-status.ts';
import { callerOf } from './access-guard.ts';
import type { Authority, Issued } from './authority.ts';

interface EnrollRequestMessage {
  readonly secret: Buffer;
  readonly request: Buffer;
}

interface RefreshRequestMessage {
  readonly request: Buffer;
}

/** The methods of caisson.v1.Trust at a central with an authority. Who may call them, the guard before them decides. */
export function trustMethods(authority: Authority): {
  readonly Enroll: handleUnaryCall<EnrollRequestMessage, Issued>;
  readonly Refresh: handleUnaryCall<RefreshRequestMessage, Issued>;
} {
  return {
    Enroll({ request: { secret, request } }, reply) {
      try {
        reply(null, authority.enroll(secret, request));
      } catch (error) {
        reply(toGrpcStatus(error));
      }
    },
    Refresh({ request: { request }, metadata }, reply) {
      const caller = callerOf(metadata);
      if (caller === undefined) {
        reply({ code: status.UNAUTHENTICATED, details: 'only who has a certificate can renew it' });
        return;
      }
      try {
        reply(null, request.length === 0 ? authority.news() : authority.renew(caller, request));
      } catch (error) {
        reply(toGrpcStatus(error));
      }
    },
  };
}
