import { isIP } from 'node:net';
import type { ClientTls } from './tls-config.ts';

const UNTRUSTED_CODES: readonly unknown[] = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
];

/** Alerts by which a peer says that it wants a certificate, or another one. */
const ASKS_FOR_CERTIFICATE =
  /CERTIFICATE_REQUIRED|ALERT_(?:BAD|UNKNOWN|UNSUPPORTED)_C(?:A|ERTIFICATE)|CERTIFICATE_(?:UNKNOWN|EXPIRED|REVOKED)|HANDSHAKE_FAILURE/;

/** How a connection ends where the alert of TLS 1.3 was overtaken: a server asks for a certificate behind its handshake. */
const CUT_CODES: readonly unknown[] = ['ECONNRESET', 'EPIPE'];
const MAY_ASK = 'it may ask for a certificate of this end: set tls.cert and tls.key';

/** A server that TLS is spoken with. */
interface Peer {
  readonly host: string;
  readonly tls: ClientTls;
}

/** What is wrong between this end and a server that has not answered yet, in words; undefined where it is nothing of TLS. */
export function peerFault(error: Error & { readonly code?: unknown }, { host, tls }: Peer): string | undefined {
  const { code } = error;
  const name = tls.serverName ?? host;
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired; it needs a new one, or the clock here is wrong';
  if (code === 'CERT_NOT_YET_VALID') return 'its certificate is not valid yet; look at the clock here';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is not for ${name}; set tls.serverName to a name that it is for (${error.message})`;
  }
  if (UNTRUSTED_CODES.includes(code)) {
    const authorities = tls.ca === undefined ? 'that Node.js knows; set tls.ca' : `of ${tls.ca}`;
    return `its certificate is of no authority ${authorities} (${error.message})`;
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'it does not speak TLS on this port';
  if (typeof code === 'string' && ASKS_FOR_CERTIFICATE.test(code)) {
    const own =
      tls.cert === undefined
        ? 'a certificate of this end; set tls.cert and tls.key'
        : `another certificate than that of ${tls.cert}`;
    return `it asks for ${own} (${code})`;
  }
  if (CUT_CODES.includes(code) && tls.cert === undefined) return `${error.message}; ${MAY_ASK}`;
  return undefined;
}

/** What may be wrong with a server that ended the connection without a word before it answered. */
export function silentFault(tls: ClientTls | undefined): string | undefined {
  return tls !== undefined && tls.cert === undefined ? MAY_ASK : undefined;
}

/** The name that is told to the server, and that its certificate must be for; none where it is an address. */
export function serverNameOf({ host, tls }: Peer): string | undefined {
  const name = tls.serverName ?? host;
  return isIP(name) === 0 ? name : undefined;
}
