import { Buffer } from 'node:buffer';
import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { CaissonError, ERROR_CODES, type ErrorCode, messageOf } from '../../gateway/errors.ts';
import { DETAILS_KEY, encodeErrorDetails, retryDelayIn } from './error-details.ts';

const CODE_KEY = 'caisson-code';
const HINT_KEY = 'caisson-hint-bin';

/** What a failed operation is in gRPC's words; code and hint travel as metadata. */
export function toGrpcStatus(thrown: unknown): Partial<StatusObject> {
  if (!(thrown instanceof CaissonError)) return { code: status.INTERNAL, details: messageOf(thrown) };
  const metadata = new Metadata();
  metadata.set(CODE_KEY, thrown.code);
  if (thrown.hint !== undefined) metadata.set(HINT_KEY, Buffer.from(thrown.hint));
  const code = grpcCodeOf(thrown);
  metadata.set(DETAILS_KEY, encodeErrorDetails(code, thrown));
  return { code, details: thrown.message, metadata };
}

/** What a call that failed means here: the error of the other end, or that it could not be reached. */
export function fromGrpcError(thrown: unknown, address: string): CaissonError {
  if (thrown instanceof CaissonError) return thrown;
  if (!isServiceError(thrown)) {
    return new CaissonError('central-unreachable', `${address}: ${messageOf(thrown)}`, {
      cause: thrown,
      retryable: true,
    });
  }
  const code = String(thrown.metadata?.get(CODE_KEY)[0] ?? '');
  const hint = thrown.metadata?.get(HINT_KEY)[0];
  const retryAfterMs = retryDelayIn(thrown.metadata?.get(DETAILS_KEY)[0]);
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (isErrorCode(code)) {
    return new CaissonError(code, thrown.details, {
      cause: thrown,
      // A statement that reached its limit reaches it again: what is ours says by itself whether to try again.
      retryable: thrown.code === status.UNAVAILABLE || retryAfterMs !== undefined,
      ...retry,
      ...(hint === undefined ? {} : { hint: hint.toString() }),
    });
  }
  return new CaissonError(
    'central-unreachable',
    `${address}: ${withoutAddress(plainDetails(thrown.details), address)} (${status[thrown.code]})`,
    {
      cause: thrown,
      retryable: RETRYABLE.has(thrown.code) || retryAfterMs !== undefined,
      ...retry,
      ...hintOf(thrown, address),
    },
  );
}

/** What grpc-js says of a connection that could not be made, without its own words around the cause. */
function plainDetails(details: string): string {
  const cause =
    /^No connection established\. Last error: (?:Error: )?(.*?)(?: \(\d{4}-[\dT:.-]+Z\))?\.? Resolution note: (.*)$/s.exec(
      details,
    );
  if (cause === null) return details;
  const [, last = '', note = ''] = cause;
  return note.trim() === '' ? last : `${last}; ${note.trim()}`;
}

/** Node.js repeats behind `connect ECONNREFUSED` what it was that it connected to. */
function withoutAddress(text: string, address: string): string {
  return text.endsWith(` ${address}`) ? text.slice(0, -address.length - 1) : text;
}

/** What to look at where no call came through. */
function hintOf({ code, details }: ServiceError, address: string): { hint?: string } {
  if (code === status.DEADLINE_EXCEEDED && /LB pick/.test(details)) {
    return { hint: `something listens at ${address}, and it is no gRPC: look at the port, ${PORT_OF}` };
  }
  if (code !== status.UNAVAILABLE) return {};
  if (/name resolution failed/i.test(details))
    return { hint: `is ${address} the right name? nothing here knows an address of it` };
  if (/ECONNRESET|EPIPE|socket hang up|Protocol error|Failed to connect/i.test(details)) {
    return {
      hint: `what listens at ${address} cut the connection: a server with certificates needs --identity, and another port may be no gRPC`,
    };
  }
  return { hint: `is anything listening at ${address}? look at ${PORT_OF}` };
}

const PORT_OF = 'grpc.port in the config of a gateway, or --listen of a central';

const RETRYABLE: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
]);

function grpcCodeOf(error: CaissonError): status {
  if (error.code === 'channel-unknown' || error.code === 'session-unknown') return status.NOT_FOUND;
  if (error.code === 'query-invalid' || error.code === 'session-invalid') return status.INVALID_ARGUMENT;
  if (error.code === 'peer-untrusted') return status.UNAUTHENTICATED;
  if (error.code === 'access-refused' || error.code === 'invite-refused') return status.PERMISSION_DENIED;
  if (error.code === 'not-served') return status.UNIMPLEMENTED;
  if (error.code === 'server-busy') return status.RESOURCE_EXHAUSTED;
  if (error.retryable) return status.UNAVAILABLE;
  return error.code === 'query-limit' ? status.RESOURCE_EXHAUSTED : status.INTERNAL;
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && 'details' in thrown && typeof thrown.code === 'number';
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
