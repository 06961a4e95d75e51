/** Every code a failed operation can carry, and what it means. README's error table is generated from here. */
export const ERROR_CODES = {
  'config-invalid': 'caisson.yaml does not fit the schema',
  'config-unreadable': 'caisson.yaml could not be read',
  'offer-refused': 'a config that a central offered may not be tried',
  'config-unwritable': 'a new caisson.yaml could not be written',
  'port-unavailable': 'a serial port, CAN bus, recording or network address could not be opened',
  'tls-unusable': 'a file with a certificate or key is missing, broken, expired or does not fit the other',
  'dbc-invalid': 'a DBC file is broken',
  'store-unusable': 'the store directory or one of its databases cannot be used',
  'store-failed': 'a commit, seal or fsync failed',
  'block-invalid': 'bytes that should be a block are not a valid block',
  'journal-invalid': 'bytes that should be a journal row are not a valid journal row',
  'channel-unknown': 'no channel has that name',
  'session-unknown': 'no session has that name or id, or none goes on',
  'session-invalid': 'a session cannot be as it was asked for',
  'query-invalid': 'a query asks for something that cannot be',
  'not-served': 'this server cannot answer such a question, others can',
  'resume-lost': 'a token to go on with is of a place that this store does not have',
  'query-limit': 'a SQL statement reached its limit of time, rows or memory, or as many run as may at a time',
  'derivation-refused': 'the past cannot be made anew as it was asked for',
  'import-refused': 'a file is no recording that can be imported, or not as it was asked for',
  'export-failed': 'an export could not be written to its folder or bucket',
  'central-unreachable': 'the other end of a sync line does not answer',
  'fanout-failed': 'the cluster of NATS that a central tells its news did not take them',
  'gateway-held': 'another process of central pulls from that gateway',
  'peer-invalid': 'the other end of a sync line sent something that cannot be',
  'peer-untrusted': 'the other end of a connection showed no certificate that is trusted here',
  'access-refused': 'the other end of a connection does not trust the certificate shown, or its role may not ask that',
  'trust-unusable': 'the folder of an authority or of an identity is missing, damaged, or cannot be opened',
  'invite-refused': 'an invitation or a token cannot be what it should be, or was used, or has expired',
  'courier-invalid': 'a courier file is damaged, cut, or for another key',
  'courier-failed': 'a courier file could not be written, reads back other bytes, or its medium cannot be read',
  'residency-violated': 'something was about to leave that must stay; it did not',
  'server-busy': 'a server has as much to do as it takes; it says when it may be asked again',
  'server-stopping': 'a server ended in good order while it was asked; it may be back soon',
  'address-invalid': 'a network address is malformed',
  'child-failed': 'a process that this one needs ended before it was up',
  'dashboard-missing': 'the built dashboard is not in the folder it is served from',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface CaissonErrorOptions {
  /** What the person who reads this can do about it. */
  hint?: string;
  /** True when the same operation may succeed later without a change. */
  retryable?: boolean;
  /** Not before so many milliseconds, where that is known; then it is retryable. */
  retryAfterMs?: number;
  cause?: unknown;
}

/** A failed operation. The message prints the value that was met and what was expected. */
export class CaissonError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: CaissonErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CaissonError';
    this.code = code;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
    this.retryable = options.retryable ?? options.retryAfterMs !== undefined;
  }
}

/** The text of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** An error that came from another thread, where it lost its class, as what it was. */
export function revived(error: Error): Error {
  const { code, hint, retryable } = error as { code?: unknown; hint?: unknown; retryable?: unknown };
  if (typeof code !== 'string' || !Object.hasOwn(ERROR_CODES, code)) return error;
  return new CaissonError(code as ErrorCode, error.message, {
    cause: error,
    retryable: retryable === true,
    ...(typeof hint === 'string' && { hint }),
  });
}
