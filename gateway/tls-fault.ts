/** What answers a handshake in another language than TLS looks like to OpenSSL. */
const NO_TLS: ReadonlySet<string> = new Set([
  'WRONG_VERSION_NUMBER',
  'HTTP_REQUEST',
  'HTTPS_PROXY_REQUEST',
  'UNKNOWN_PROTOCOL',
  'PACKET_LENGTH_TOO_LONG',
  'UNEXPECTED_MESSAGE',
]);

/** Two ends that have no version of TLS, or no cipher, in common. */
const NOTHING_IN_COMMON =
  /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE|NO_SHARED_CIPHER|WRONG_CIPHER|INSUFFICIENT_SECURITY/;

/**
 * What OpenSSL calls what went wrong, such as `WRONG_VERSION_NUMBER`; undefined where the error is not one of its. Node.js tells it as
 * code of what is read, and within the text of what is written.
 */
export function opensslReason({ code, message }: Error & { readonly code?: unknown }): string | undefined {
  const told = typeof code === 'string' ? /^ERR_SSL_(\w+)$/.exec(code)?.[1] : undefined;
  if (told !== undefined) return told;
  const [, reason] = /\berror:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/i.exec(message) ?? [];
  return reason?.trim().toUpperCase().replaceAll(/\W+/g, '_');
}

/** What is wrong with a TLS handshake, whoever is at the other end, and what to look at; undefined where it is nothing of OpenSSL. */
export function handshakeFault(error: Error & { readonly code?: unknown }): string | undefined {
  const reason = opensslReason(error);
  if (reason === undefined) return undefined;
  if (NO_TLS.has(reason)) return 'it does not speak TLS on this port; look at the port, or leave TLS out';
  if (NOTHING_IN_COMMON.test(reason))
    return `it has no version of TLS from 1.2 on, or no cipher, in common with this end (${reason})`;
  return `the TLS handshake failed (${reason.toLowerCase().replaceAll('_', ' ')})`;
}
