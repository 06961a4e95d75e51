import { Buffer } from 'node:buffer';
import type { status } from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import type { CaissonError } from '../../gateway/errors.ts';
import { loadProtos, messageTypeOf } from './descriptor.ts';

/** Trailing metadata that other programs know the details of an error by. */
export const DETAILS_KEY = 'grpc-status-details-bin';

const TYPE_URL = 'type.googleapis.com/';
const DOMAIN = 'caisson';
const [STATUS, RETRY_INFO, ERROR_INFO] = ['google.rpc.Status', 'google.rpc.RetryInfo', 'google.rpc.ErrorInfo'] as const;

/** When a call may be made again that failed for a while, where whoever failed it does not know better, milliseconds. */
const RETRY_MS = 1_000;

interface Detail {
  readonly type_url: string;
  readonly value: Uint8Array;
}

interface StatusDetails {
  readonly details: readonly Detail[];
}

interface RetryInfo {
  readonly retryDelay: { readonly seconds: number; readonly nanos: number } | null;
}

/** A google.rpc.Status: what failed and, where that may pass, when to try again. */
export function encodeErrorDetails(code: status, error: CaissonError): Buffer {
  const reason = error.code.toUpperCase().replaceAll('-', '_');
  const metadata = error.hint === undefined ? {} : { hint: error.hint };
  const details = [packed(ERROR_INFO, { reason, domain: DOMAIN, metadata })];
  if (error.retryable) {
    const ms = error.retryAfterMs ?? RETRY_MS;
    const retryDelay = { seconds: Math.floor(ms / 1e3), nanos: Math.round((ms % 1e3) * 1e6) };
    details.push(packed(RETRY_INFO, { retryDelay }));
  }
  return codecOf(STATUS).serialize({ code, message: error.message, details });
}

/** After how many milliseconds a call may be made again; undefined where the bytes do not say, or are none of ours. */
export function retryDelayIn(bytes: unknown): number | undefined {
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    const { details } = codecOf(STATUS).deserialize(bytes) as StatusDetails;
    const found = details.find(({ type_url: url }) => url === TYPE_URL + RETRY_INFO);
    if (found === undefined) return undefined;
    const { retryDelay } = codecOf(RETRY_INFO).deserialize(Buffer.from(found.value)) as RetryInfo;
    const ms = retryDelay === null ? Number.NaN : retryDelay.seconds * 1e3 + retryDelay.nanos / 1e6;
    return ms >= 0 ? ms : undefined;
  } catch {
    // Details are a help: whoever sends some that cannot be read is understood by the code.
    return undefined;
  }
}

function packed(type: string, message: object): Detail {
  return { type_url: TYPE_URL + type, value: codecOf(type).serialize(message) };
}

function codecOf(type: string): MessageTypeDefinition<object, object> {
  return messageTypeOf(loadProtos(), type);
}
