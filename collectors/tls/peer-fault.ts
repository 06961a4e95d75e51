import { isIP } from 'node:net';
import { handshakeFault, opensslReason } from '../../gateway/tls-fault.ts';
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

/** How a connection ends that the other end does not want, also where the alert of TLS 1.3 was overtaken. */
const CUT_CODES: readonly unknown[] = ['ECONNRESET', 'EPIPE'];

/** A server that TLS is spoken with. */
interface Peer {
  readonly host: string;
  readonly tls: ClientTls;
}

/** How far a connection came: to a handshake that was done, behind which a server of TLS 1.3 looks at the certificate of this end. */
interface Progress {
  readonly isShaken: boolean;
}

/** What is wrong between this end and a server that has not answered yet, in words; undefined where it is nothing of TLS. */
export function peerFault(
  error: Error & { readonly code?: unknown },
  { host, tls, isShaken }: Peer & Progress,
): string | undefined {
  const { code } = error;
  const name = tls.serverName ?? host;
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired; it needs a new one, or the clock here is wrong';
  if (code === 'CERT_NOT_YET_VALID') return 'its certificate is not valid yet; look at the clock here';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is not for ${name}; set tls.serverName to a name that it is for (${namesOf(error) ?? error.message})`;
  }
  if (UNTRUSTED_CODES.includes(code)) {
    const authorities = tls.ca === undefined ? 'that Node.js knows; set tls.ca' : `of ${tls.ca}`;
    return `its certificate is of no authority ${authorities} (${error.message})`;
  }
  const reason = opensslReason(error);
  if (reason !== undefined && ASKS_FOR_CERTIFICATE.test(reason)) {
    const own =
      tls.cert === undefined
        ? 'a certificate of this end; set tls.cert and tls.key'
        : `another certificate than that of ${tls.cert}`;
    return `it asks for ${own} (${reason})`;
  }
  if (CUT_CODES.includes(code)) return `it cut the connection; ${silentFault(tls, isShaken)}`;
  return handshakeFault(error);
}

/** The names that a certificate is for which is not for the one that was asked. */
function namesOf(error: Error): string | undefined {
  const { cert } = error as { readonly cert?: { readonly subjectaltname?: unknown } };
  return typeof cert?.subjectaltname === 'string' ? cert.subjectaltname : undefined;
}

/** What may be wrong with a server that ended the connection without a word before it answered. @param tls undefined: it was spoken to without */
export function silentFault(tls: ClientTls | undefined, isShaken: boolean): string {
  if (tls === undefined) return 'it may speak TLS on this port: set tls, or take the port for connections without';
  if (!isShaken) return 'it may not speak TLS on this port: look at the port, or leave tls out';
  if (tls.cert === undefined) return 'it may ask for a certificate of this end: set tls.cert and tls.key';
  return `it may not trust the certificate of ${tls.cert}: its authority must be one that the server knows`;
}

/** The name that is told to the server, and that its certificate must be for; none where it is an address. */
export function serverNameOf({ host, tls }: Peer): string | undefined {
  const name = tls.serverName ?? host;
  return isIP(name) === 0 ? name : undefined;
}
