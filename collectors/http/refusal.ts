/** Why a request was refused. Each is a counter in health and a row of the README. */
export const HTTP_REASONS = {
  'http-path': 'no such address; 404',
  'http-method': 'an address that takes another method; 405',
  'http-origin': 'a request that a page in a browser makes, where no credentials are configured; 403',
  'http-credentials': 'no credentials, or wrong ones; 401',
  'http-precision': 'an unknown unit of the timestamps; 400',
  'http-query': 'a query; only CREATE DATABASE is answered, and does nothing; 400',
  'http-encoding': 'a Content-Encoding other than gzip, or bytes that are no gzip; 415 or 400',
  'http-body': 'a body beyond bodyBytesMax, or with more values than one may have; 413',
  'http-aborted': 'a connection that ended within a body',
  'http-late': 'a request that took longer than requestSecondsMax to arrive; 408',
  'http-busy': 'too many bytes of bodies wait; 429',
  'http-room': 'no room in the intake; 503',
  'http-withheld': 'the disk is full; 503',
  'http-failed': 'the store could not keep it; 503',
  'http-clients': 'a connection beyond clientsMax; closed at once',
  'http-tls': 'a connection that did not come to speak TLS; details name why',
  'http-malformed': 'bytes that are no HTTP; 400',
} as const;

export type HttpReason = keyof typeof HTTP_REASONS;

/** A request that is refused as a whole: nothing of it is kept. */
export class Refusal extends Error {
  readonly reason: HttpReason;
  readonly status: number;
  /** Seconds after which the same request may be taken; undefined where it never will. */
  readonly retryAfterS: number | undefined;

  constructor(reason: HttpReason, status: number, detail: string, retryAfterS?: number) {
    super(detail);
    this.name = 'Refusal';
    this.reason = reason;
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}
